//! h2 in batches: takes every request that is ready, answers them all, and then
//! polls again, so that one write to the socket carries all the answers.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use goaway_peers::listen;
use goaway_peers::streams::{self, Stream};
use h2::server::Connection;
use tokio::net::TcpStream;

fn main() -> io::Result<()> {
    listen::run(|socket| async {
        // How a connection ends is the client's affair.
        let _ = serve(socket).await;
    })
}

async fn serve(socket: TcpStream) -> Result<(), h2::Error> {
    let mut connection = streams::handshake(socket).await?;
    let mut batch = Vec::new();
    while poll_fn(|cx| poll_batch(&mut connection, &mut batch, cx)).await? {
        batch.drain(..).for_each(streams::respond);
    }
    Ok(())
}

/// Fills `batch` with every request that has arrived, one at least. False: the
/// connection has ended.
fn poll_batch(
    connection: &mut Connection<TcpStream, Bytes>,
    batch: &mut Vec<Stream>,
    cx: &mut Context<'_>,
) -> Poll<Result<bool, h2::Error>> {
    loop {
        let accepted = connection.poll_accept(cx);
        if accepted.is_pending() && !batch.is_empty() {
            return Poll::Ready(Ok(true));
        }
        match ready!(accepted) {
            Some(stream) => batch.push(stream?),
            None => return Poll::Ready(Ok(false)),
        }
    }
}
