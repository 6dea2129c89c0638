//! h2 as the example in its documentation uses it: accept, answer, accept,
//! answer. Every accept drives the connection, and so writes the answer before it
//! to the socket, alone.

use std::io;

use goaway_peers::{listen, streams};
use tokio::net::TcpStream;

fn main() -> io::Result<()> {
    listen::run(|socket| async {
        // How a connection ends is the client's affair.
        let _ = serve(socket).await;
    })
}

async fn serve(socket: TcpStream) -> Result<(), h2::Error> {
    let mut connection = streams::handshake(socket).await?;
    while let Some(stream) = connection.accept().await {
        streams::respond(stream?);
    }
    Ok(())
}
