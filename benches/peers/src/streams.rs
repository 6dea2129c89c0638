//! The routes over bare h2.

use std::future::poll_fn;

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{RecvStream, SendStream};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use tokio::net::TcpStream;

use crate::answer;

pub type Stream = (Request<RecvStream>, SendResponse<Bytes>);

pub async fn handshake(socket: TcpStream) -> Result<Connection<TcpStream, Bytes>, h2::Error> {
    Builder::new()
        .max_concurrent_streams(answer::MAX_STREAMS)
        .initial_window_size(answer::STREAM_WINDOW)
        .initial_connection_window_size(answer::CONNECTION_WINDOW)
        .handshake(socket)
        .await
}

/// Answers at once what needs no waiting, the rest in a task.
///
/// An error here is the end of one stream (the client has reset it). The end of
/// the connection shows where requests are accepted, so both are dropped here.
pub fn respond((request, mut respond): Stream) {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => {
            let head = head(StatusCode::OK, Some(answer::HELLO.len()));
            if let Ok(mut body) = respond.send_response(head, false) {
                let _ = body.send_data(answer::HELLO, true);
            }
        }
        (&Method::GET, "/big") => {
            tokio::spawn(big(respond));
        }
        (&Method::POST, "/echo") => {
            tokio::spawn(echo(request.into_body(), respond));
        }
        _ => {
            let _ = respond.send_response(head(StatusCode::NOT_FOUND, Some(0)), true);
        }
    }
}

async fn big(mut respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
    let head = head(StatusCode::OK, Some(answer::BIG.len()));
    let mut body = respond.send_response(head, false)?;
    send(&mut body, answer::BIG.clone(), true).await
}

async fn echo(mut request: RecvStream, mut respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
    let head = head(StatusCode::OK, None);
    let mut body = respond.send_response(head, false)?;
    while let Some(chunk) = request.data().await {
        let chunk = chunk?;
        let length = chunk.len();
        let end = request.is_end_stream();
        send(&mut body, chunk, end).await?;
        // Only now, so that a client that does not read is not read from either.
        request.flow_control().release_capacity(length)?;
        if end {
            return Ok(());
        }
    }
    // No chunk carried the end: there was no body, or it ended with an empty frame.
    body.send_data(Bytes::new(), true)
}

/// Sends `data` in parts as large as the client's windows and h2's buffer allow.
async fn send(body: &mut SendStream<Bytes>, mut data: Bytes, end: bool) -> Result<(), h2::Error> {
    loop {
        body.reserve_capacity(data.len());
        // poll_capacity only reports an increase: what is left must be looked at first.
        while body.capacity() == 0 && !data.is_empty() {
            match poll_fn(|cx| body.poll_capacity(cx)).await {
                Some(capacity) => capacity?,
                None => return Err(h2::Reason::CANCEL.into()),
            };
        }
        let part = data.split_to(body.capacity().min(data.len()));
        let last = data.is_empty();
        body.send_data(part, end && last)?;
        if last {
            return Ok(());
        }
    }
}

fn head(status: StatusCode, length: Option<usize>) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, answer::TEXT);
    if let Some(length) = length {
        fields.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    fields.insert(header::DATE, answer::date());
    response
}
