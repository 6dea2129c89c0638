'use strict'

// Express with the packages that most of its applications have.

const fs = require('node:fs')
const http2 = require('node:http2')
const express = require('express')
const compression = require('compression')
const cookieParser = require('cookie-parser')
const helmet = require('helmet')
const morgan = require('morgan')
const multer = require('multer')
const responseTime = require('response-time')
const session = require('express-session')
const { secure, run } = require('./common.js')

if (process.env.OVER === 'http2') {
  // For Express over HTTP/2, which plain Node.js needs as well.
  Object.setPrototypeOf(express.request, http2.Http2ServerRequest.prototype)
  Object.setPrototypeOf(express.response, http2.Http2ServerResponse.prototype)
}

const app = express()
app.use(morgan('tiny'))
app.use(responseTime())
app.use(helmet())
app.use(compression())
app.use(cookieParser('constant'))
app.use(session({ secret: 'constant', resave: false, saveUninitialized: false, genid: () => `session-${Date.now()}` }))
app.use(express.json({ limit: 10_000 }))
app.use(express.urlencoded({ extended: true }))
app.use('/public', express.static('public', { maxAge: 60_000, setHeaders: (response) => response.set('x-static', '1') }))

app.get('/', (request, response) => response.send(`<h1>${request.method} ${request.protocol} ${request.hostname}</h1>`))
app.get('/users/:id', (request, response) => response.json({ ...request.params, query: request.query, ip: request.ip }))
app.get('/long', (request, response) => response.type('text').send('a line of text\n'.repeat(2000)))
app.post('/json', (request, response) => response.status(201).location('/json/1').json(request.body))
app.post('/form', (request, response) => response.json(request.body))
app.post('/upload', multer({ dest: 'uploads' }).single('file'), (request, response) => {
  const { originalname, mimetype, size } = request.file
  response.json({ originalname, mimetype, size, fields: request.body })
})
app.post('/echo', (request, response) => request.pipe(response.type('bin')))
app.post('/unread', (request, response) => response.status(401).send('no'))
app.post('/login', (request, response) => {
  request.session.user = request.body.user
  response.redirect('/me')
})
app.get('/me', (request, response) => response.send(`user: ${request.session.user}`))
app.post('/logout', (request, response) => request.session.destroy(() => response.clearCookie('connect.sid').sendStatus(204)))
app.get('/cookies', (request, response) => {
  response.cookie('plain', 'a b').cookie('signed', 'value', { signed: true, httpOnly: true })
  response.json({ plain: request.cookies, signed: request.signedCookies })
})
app.get('/file', (request, response) => response.sendFile('page.html', { root: 'public' }))
app.get('/download', (request, response) => response.download('public/page.html', 'größe.html'))
app.get('/away', (request, response) => response.redirect(301, '/users/1'))
app.get('/nothing', (request, response) => response.status(204).send('dropped'))
app.get('/vary', (request, response) => response.format({ json: () => response.json([1]), html: () => response.send('<p>1') }))
app.get('/events', (request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-transform' })
  let count = 0
  const timer = setInterval(() => response.write(`data: ${++count}\n\n`), 10)
  response.on('close', () => clearInterval(timer))
})
app.get('/pieces', (request, response) => fs.createReadStream('public/page.html', { highWaterMark: 100 }).pipe(response))
app.get('/socket', (request, response) => {
  request.socket.setKeepAlive(true)
  request.socket.setNoDelay(true)
  response.json({ version: request.httpVersion, encrypted: request.socket.encrypted, address: request.socket.remoteAddress })
})
app.get('/early', (request, response) => {
  response.writeEarlyHints({ link: '</public/page.html>; rel=preload' })
  response.send('early')
})
app.get('/fail', () => { throw new Error('as it must') })
app.get('/fail-late', async (request, response, next) => { next(Object.assign(new Error('teapot'), { status: 418 })) })
app.get('/cut', (request, response) => {
  response.write('begun')
  setTimeout(() => response.destroy(new Error('cut')), 20)
})

run(process.env.OVER === 'http2' ? http2.createServer(app) : http2.createSecureServer(secure(), app))
