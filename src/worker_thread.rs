//! The thread of a worker. It has its own runtime and runs the tasks of its
//! connections.

use std::net::TcpStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::arrival::Connection;
use crate::callback::Flag;
use crate::error::Result;
use crate::registration::Registration;
use crate::session::SessionHandle;
use crate::shared::Shared;
use crate::transport::Socket;
use crate::worker::Worker;

/// The handle of a worker, as the control thread uses it.
pub struct WorkerHandle {
    arrivals: UnboundedSender<Registration>,
    load: Arc<AtomicUsize>,
    in_callback: Flag,
}

impl WorkerHandle {
    /// Starts a worker. Dropping the handle ends the worker and its sessions.
    pub fn start(number: usize, shared: &Arc<Shared>) -> Result<(Self, JoinHandle<()>)> {
        let (arrivals, arriving) = unbounded_channel();
        let in_callback = Flag::default();
        let (of_thread, flag) = (shared.clone(), in_callback.clone());
        let make = move || {
            flag.attach();
            Ok(receive(Worker::new(of_thread)?, arriving))
        };
        let thread = shared.spawn(format!("goaway-{number}"), make)?;
        Ok((Self { arrivals, load: Arc::default(), in_callback }, thread))
    }

    /// The number of its sessions.
    pub fn load(&self) -> usize {
        self.load.load(Relaxed)
    }

    /// A number of the callback that its thread is inside of; `None` if of none.
    pub fn inside(&self) -> Option<u64> {
        self.in_callback.inside()
    }

    /// Hands a connection over to this worker.
    pub fn give(&self, stream: TcpStream, shared: &Arc<Shared>, session: Arc<SessionHandle>) {
        session.arrive(stream);
        let registration = Registration::new(shared.clone(), session, self.load.clone(), self.in_callback.clone());
        // If the worker has ended, the registration is dropped and closes the connection.
        let _ = self.arrivals.send(registration);
    }
}

async fn receive(worker: Rc<Worker>, mut arriving: UnboundedReceiver<Registration>) {
    while let Some(registration) = arriving.recv().await {
        let Some(stream) = registration.session().take_arrival() else { continue };
        match Socket::new(stream, worker.shared.setup.system) {
            Ok(socket) => {
                registration.session().set_socket(socket.clone());
                tokio::task::spawn_local(Connection::new(worker.clone(), registration, socket));
            }
            Err(error) => tracing::warn!(%error, "a connection cannot be watched"),
        }
    }
}
