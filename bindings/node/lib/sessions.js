'use strict'

// The live sessions of a server, and the records about them.

const { takeEvent } = require('./session.js')

/**
 * Sessions by id. `owner` has
 *
 *   onAcceptFailed(event, record)           no session: the server cannot accept for a moment
 *   onOpened(event)                         a connection was accepted; `add` it, or not
 *   onSessionEvent(event, session, record)  of a session, undefined if it was not added;
 *                                           of 'closed', when it is not found here any more
 *
 * with events as takeEvent gives them.
 */
class Sessions {
  #live = new Map()
  #owner

  constructor (owner) {
    this.#owner = owner
  }

  get size () { return this.#live.size }
  get (id) { return this.#live.get(id) }
  values () { return this.#live.values() }
  add (session) { this.#live.set(session.id, session) }
  remove (id) { this.#live.delete(id) }

  /** Handles a SESSION record. */
  take (record) {
    const event = takeEvent(record)
    if (event.id === 0) return this.#owner.onAcceptFailed(event, record)
    if (event.kind === 'opened') return this.#owner.onOpened(event)
    const session = this.#live.get(event.id)
    if (event.kind === 'closed') this.#live.delete(event.id)
    this.#owner.onSessionEvent(event, session, record)
  }
}

module.exports = { Sessions }
