'use strict'

// What a program loads first that is to be traced by OpenTelemetry.

const { registerInstrumentations } = require('@opentelemetry/instrumentation')
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http')
const { NodeTracerProvider } = require('@opentelemetry/sdk-trace-node')

const tracerProvider = new NodeTracerProvider()
tracerProvider.register()
registerInstrumentations({ tracerProvider, instrumentations: [new HttpInstrumentation()] })
