//! hyper's HTTP/2 server, with its defaults but for the settings all peers share.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use goaway_peers::{answer, listen};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

type Body = Either<Full<Bytes>, Incoming>;

/// hyper PORT [CERTIFICATE KEY]
fn main() -> io::Result<()> {
    let files: Vec<String> = std::env::args().skip(2).collect();
    let [certificate, key] = files.as_slice() else {
        return listen::run(|socket| async {
            // How a connection ends is the client's affair.
            let _ = serve(TokioIo::new(socket)).await;
        });
    };
    let acceptor = acceptor(certificate, key).map_err(io::Error::other)?;
    listen::run(move |socket| serve_tls(acceptor.clone(), socket))
}

async fn serve_tls(acceptor: TlsAcceptor, socket: TcpStream) {
    if let Ok(socket) = acceptor.accept(socket).await {
        let _ = serve(TokioIo::new(socket)).await;
    }
}

/// rustls as goaway has it: the same cryptography, and tickets.
fn acceptor(certificate: &str, key: &str) -> Result<TlsAcceptor, Box<dyn std::error::Error + Send + Sync>> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn serve(socket: impl Read + Write + Unpin + Send + 'static) -> Result<(), hyper::Error> {
    http2::Builder::new(TokioExecutor::new())
        .max_concurrent_streams(answer::MAX_STREAMS)
        .initial_stream_window_size(answer::STREAM_WINDOW)
        .initial_connection_window_size(answer::CONNECTION_WINDOW)
        .serve_connection(socket, service_fn(respond))
        .await
}

/// hyper adds `content-length` and `date`, and keeps to the flow control.
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
