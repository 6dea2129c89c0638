import 'reflect-metadata'
import { createReadStream } from 'node:fs'
import { Body, Controller, Get, MessageEvent, Module, Param, ParseIntPipe, Post, Redirect, Sse, StreamableFile } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, NestFastifyApplication } from '@nestjs/platform-fastify'
import { interval, map } from 'rxjs'

const { secure } = require('./common.js')

@Controller()
class ThingsController {
  @Get() hello () { return { hello: 'world' } }
  @Get('things/:id') one (@Param('id', ParseIntPipe) id: number) { return { id } }
  @Post('things') add (@Body() thing: object) { return thing }
  @Get('file') file () { return new StreamableFile(createReadStream('public/page.html'), { type: 'text/html' }) }
  @Get('away') @Redirect('/things/1', 301) away () {}
  @Get('fail') fail () { throw new Error('as it must') }
  @Sse('events') events () { return interval(10).pipe(map((count): MessageEvent => ({ id: String(count), data: { count } }))) }
}

@Module({ controllers: [ThingsController] })
class ShopModule {}

async function main () {
  const adapter = new FastifyAdapter({ http2: true, https: secure() })
  const app = await NestFactory.create<NestFastifyApplication>(ShopModule, adapter, { logger: false })
  await app.listen(Number(process.argv[2]), '127.0.0.1')
  process.once('SIGTERM', () => app.close())
}

void main()
