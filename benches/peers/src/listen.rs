//! One thread, one runtime, one listener.

use std::future::Future;
use std::io;
use std::net::Ipv4Addr;

use tokio::net::{TcpListener, TcpStream};

use crate::answer;

/// Listens on 127.0.0.1, on the port that the first argument names, and gives
/// every connection to `serve`, in a task of its own.
pub fn run<F>(serve: impl Fn(TcpStream) -> F) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let port: u16 = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "usage: PEER PORT"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        tokio::spawn(answer::tick());
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            tokio::spawn(serve(socket));
        }
    })
}
