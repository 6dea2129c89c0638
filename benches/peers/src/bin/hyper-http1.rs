//! hyper's HTTP/1.1 server, with its defaults.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use goaway_peers::{answer, listen};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

type Body = Either<Full<Bytes>, Incoming>;

fn main() -> io::Result<()> {
    listen::run(|socket| async {
        // How a connection ends is the client's affair.
        let _ = serve(socket).await;
    })
}

async fn serve(socket: TcpStream) -> Result<(), hyper::Error> {
    http1::Builder::new().serve_connection(TokioIo::new(socket), service_fn(respond)).await
}

/// hyper adds `content-length` and `date`.
async fn respond(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let body = match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => Some(Either::Left(Full::new(answer::HELLO))),
        (&Method::GET, "/big") => Some(Either::Left(Full::new(answer::BIG.clone()))),
        (&Method::POST, "/echo") => Some(Either::Right(request.into_body())),
        _ => None,
    };
    let found = body.is_some();
    let mut response = Response::new(body.unwrap_or(Either::Left(Full::default())));
    if !found {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response.headers_mut().insert(header::CONTENT_TYPE, answer::TEXT);
    Ok(response)
}
