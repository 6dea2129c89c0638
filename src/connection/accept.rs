//! Accepts a request: finds its handler and runs it.

use http::{Method, StatusCode};

use super::exchange::{Exchange, OwnResponse};
use super::{Task, entry};
use crate::check::Check;
use crate::code;
use crate::engine::{Engine, Fault, Priority, RequestHead};
use crate::event::Cause;
use crate::refusal::Refusal;
use crate::request;
use crate::route::Target;
use crate::transport::Transport;

impl<S: Transport, E: Engine> Task<S, E> {
    pub(super) fn accept(&mut self, stream: u32, mut head: Box<RequestHead>, is_last: bool, priority: Priority) {
        let worker = self.lifecycle.worker.clone();
        self.requests += 1;
        if !E::IS_MULTIPLEXED && self.lifecycle.drain.is_ordered() {
            self.shut_down();
        }
        let is_tunnel = match self.tunnel(&mut head, is_last) {
            Ok(is_tunnel) => is_tunnel,
            Err(fault) => return self.refuse_connection(fault),
        };
        let mut exchange = Exchange::new(stream, is_last, is_tunnel);
        exchange.prioritize(priority);
        let (path, _) = head.path_and_query();
        let found = worker.shared.setup.routes.find(&head.method, path).and_then(entry::fit_for_queue);
        let found = match found {
            // The listener is for health checks alone.
            Ok(found) if self.lifecycle.session.listen_socket.is_for_health && !found.target.is_check() => {
                Err(Refusal::Status(StatusCode::NOT_FOUND, None))
            }
            found => found,
        };
        let found = match found {
            Ok(_) if self.is_full() => {
                self.unserved.count();
                return self.refuse(exchange);
            }
            Ok(_) if worker.shared.is_muted() => return self.refuse(exchange),
            Ok(found) => found,
            Err(Refusal::Status(status, allow)) => {
                self.unserved.count();
                exchange.respond_alone(OwnResponse { status, allow });
                head.keep();
                return self.take_up(exchange);
            }
        };
        let target = found.target;
        let has_content = !is_last || is_tunnel;
        let Some(id) = entry::enter(&worker, &self.lifecycle.session, stream, head, has_content, found) else {
            return self.refuse(exchange);
        };
        exchange.entered(id);
        self.unserved.served();
        if !target.is_check() && self.must_wait(stream) {
            self.park(stream, id);
            return self.exchanges.insert(exchange);
        }
        match target {
            Target::Handler(handler) => {
                self.current = id;
                if !self.is_published {
                    // The handler may ask for information about its own session.
                    self.publish();
                }
                request::calling(id, || handler(id));
                self.current = 0;
                self.take_up(exchange);
            }
            Target::Check(check) => {
                let is_well = worker.shared.is_well(*check);
                respond_to_check(id, *check, is_well);
                self.take_up(exchange);
            }
            // The record is written when all input has been read. Content that arrived
            // with the request then goes into the same record.
            Target::Queue(..) => {
                self.fresh.push(stream);
                self.exchanges.insert(exchange);
            }
        }
    }

    /// Begins the work on a new exchange. In HTTP/1.1 that waits until all received
    /// content has been read, because the response head depends on how much content is
    /// outstanding.
    fn take_up(&mut self, exchange: Exchange) {
        match E::IS_MULTIPLEXED {
            true => drop(self.work_on(exchange)),
            false => self.exchanges.insert(exchange),
        }
    }

    /// Responds to a request that the engine has refused with this status.
    pub(super) fn respond_with(&mut self, stream: u32, status: StatusCode, is_last: bool) {
        self.requests += 1;
        let mut exchange = Exchange::new(stream, is_last, false);
        exchange.respond_alone(OwnResponse { status, allow: None });
        self.take_up(exchange);
    }

    /// Whether the response to a request may open a tunnel that takes over the
    /// connection. The host may ignore an Upgrade (RFC 9110, section 7.8).
    fn tunnel(&mut self, head: &mut RequestHead, is_last: bool) -> Result<bool, Fault> {
        if E::IS_MULTIPLEXED {
            return Ok(false);
        }
        let setup = &self.lifecycle.worker.shared.setup;
        if head.method == Method::CONNECT {
            return Ok(true);
        }
        if setup.config.upgrade && is_last && head.upgrade.is_some() {
            return Ok(true);
        }
        let is_asked = setup.config.connect_protocol && is_last && head.asks_for_websocket();
        let is_taken = is_asked && setup.routes.find(&Method::CONNECT, head.path_and_query().0).is_ok();
        if is_taken {
            self.engine.take_as_connect(head)?;
        }
        head.upgrade = None;
        Ok(is_taken)
    }

    /// Whether the host already holds as many requests as a session may have. Pushed
    /// requests do not count, because the peer has not sent them.
    fn is_full(&self) -> bool {
        let held = || self.exchanges.len() - self.exchanges.pushed() + self.lifecycle.session.orphans() as usize;
        E::IS_MULTIPLEXED && held() >= self.engine.max_requests()
    }

    /// Why the host accepts no request now, if so.
    fn refuse(&mut self, mut exchange: Exchange) {
        if self.engine.reset(exchange.stream, code::REFUSED_STREAM, self.socket.gather()) {
            self.lifecycle.tally.refused += 1;
            return;
        }
        self.shut_down();
        exchange.respond_alone(OwnResponse { status: StatusCode::SERVICE_UNAVAILABLE, allow: None });
        self.exchanges.insert(exchange);
    }

    /// If this is the last request that the session may have, its response head announces
    /// the end of the connection.
    pub(super) fn leave_after_enough(&mut self) {
        let most = self.lifecycle.config().max_requests;
        if most > 0 && self.requests >= most && !self.lifecycle.drain.is_ordered() {
            self.lifecycle.drain_for(Cause::MaxRequests);
            self.leave();
        }
    }
}

/// Responds to a health check, in place of a handler.
fn respond_to_check(id: u64, check: Check, is_well: bool) {
    let (status, content) = check.response(is_well);
    request::calling(id, || {
        let responded = request::change(id, |request| {
            request.response.set_field(b"content-type", b"text/plain")?;
            request.response.set_field(b"cache-control", b"no-store")?;
            request.response.respond(status.as_u16(), content)
        });
        if let Err(error) = responded {
            tracing::debug!(request = id, %error, "a health check has ended before its response");
        }
    });
}
