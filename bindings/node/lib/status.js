'use strict'

/** Statuses of responses without a body (RFC 9110, section 6.4.1). */
const isBodyless = (status) => status === 204 || status === 205 || status === 304

module.exports = { isBodyless }
