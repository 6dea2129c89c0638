import 'reflect-metadata'
import { createReadStream } from 'node:fs'
import * as http2 from 'node:http2'
import {
  Body, Controller, Delete, Get, Header, HttpCode, HttpException, MessageEvent, Module, NotFoundException, Param,
  ParseIntPipe, Post, Query, Redirect, Req, Res, Sse, StreamableFile, UnauthorizedException, UploadedFile,
  UseInterceptors, ValidationPipe
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter, FileInterceptor, NestExpressApplication } from '@nestjs/platform-express'
import { IsInt, IsString } from 'class-validator'
import express = require('express')
import { interval, map } from 'rxjs'

const { secure } = require('./common.js')

class Thing {
  @IsString() name!: string
  @IsInt() count!: number
}

@Controller()
class ThingsController {
  private readonly things: Thing[] = []

  @Get() hello (@Req() request: any) { return `${request.protocol} ${request.hostname}` }
  @Get('things') list (@Query('name') name?: string) { return this.things.filter((thing) => !name || thing.name === name) }
  @Get('things/:id') one (@Param('id', ParseIntPipe) id: number) {
    const thing = this.things[id]
    if (!thing) throw new NotFoundException(`there is no thing ${id}`)
    return thing
  }
  @Post('things') add (@Body() thing: Thing) { return this.things.push(thing) }
  @Delete('things/:id') @HttpCode(204) remove (@Param('id', ParseIntPipe) id: number) { this.things.splice(id, 1) }
  @Post('upload') @UseInterceptors(FileInterceptor('file')) upload (@UploadedFile() file: any) {
    return { name: file.originalname, type: file.mimetype, size: file.size }
  }
  @Post('refused') refused () { throw new UnauthorizedException() }
  @Get('file') @Header('x-of', 'a stream') file () {
    return new StreamableFile(createReadStream('public/page.html'), { type: 'text/html', disposition: 'inline' })
  }
  @Get('no-file') noFile () { return new StreamableFile(createReadStream('public/none')) }
  @Get('away') @Redirect('/things', 301) away () {}
  @Get('fail') fail () { throw new Error('as it must') }
  @Get('teapot') teapot () { throw new HttpException({ short: 'and stout' }, 418) }
  @Sse('events') events () { return interval(10).pipe(map((count): MessageEvent => ({ id: String(count), data: { count } }))) }
  @Get('own') own (@Res() response: any) { response.cookie('own', '1').status(203).send('own') }
}

@Module({ controllers: [ThingsController] })
class ShopModule {}

async function main () {
  const instance = express()
  const server = http2.createSecureServer(secure(), instance as any)
  const app = await NestFactory.create<NestExpressApplication>(ShopModule, new ExpressAdapter(instance), { logger: false })
  app.useGlobalPipes(new ValidationPipe({ transform: true }))
  app.useStaticAssets('public', { prefix: '/public' })
  app.enableCors({ origin: 'https://example.org' })
  await app.init()
  server.listen(Number(process.argv[2]), '127.0.0.1')
  process.once('SIGTERM', () => server.close())
}

void main()
