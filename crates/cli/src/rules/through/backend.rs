//! The app behind the gateway: answers as the tests ask, and counts who reached it.

use bytes::{Buf as _, BytesMut};
use gambeson_seclang::ftw::Answer;
use gambeson_wire::{Chunk, ChunkedDecoder, ConnectionOption, Framing, Limits, RequestHead, Scan, parse_request, write_response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::{
    collections::BTreeMap,
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A longer body is no test's.
const BODY_BYTES_MAX: usize = 8 << 20;

/// How many requests came from each address, as the gateway tells it.
#[derive(Debug, Clone, Default)]
pub(super) struct Reached(Arc<Mutex<BTreeMap<Ipv4Addr, usize>>>);

impl Reached {
    fn add(&self, headers: &HeaderMap) {
        let from = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *all.entry(from.unwrap_or(Ipv4Addr::UNSPECIFIED)).or_default() += 1;
    }

    /// The requests of one address.
    pub(super) fn of(&self, address: Ipv4Addr) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&address).copied().unwrap_or(0)
    }
}

/// Serves until the runtime ends.
pub(super) async fn serve(listener: TcpListener, reached: Reached) {
    while let Ok((stream, _)) = listener.accept().await {
        let reached = reached.clone();
        // A connection that breaks is the gateway's to tell.
        tokio::spawn(async move { connection(stream, &reached).await.unwrap_or_default() });
    }
}

async fn connection(mut stream: TcpStream, reached: &Reached) -> io::Result<()> {
    let (mut buf, mut scan, limits) = (BytesMut::new(), Scan::default(), Limits::default());
    loop {
        let Some((bytes, head)) = parse_request(&buf, &mut scan, &limits).map_err(fault)? else {
            if stream.read_buf(&mut buf).await? == 0 {
                return Ok(());
            }
            continue;
        };
        buf.advance(bytes);
        reached.add(&head.headers);
        let body = body(&mut stream, &mut buf, head.framing, &limits).await?;
        stream.write_all(&answer(&head, &body)).await?;
        if !head.keep_alive {
            return stream.shutdown().await;
        }
    }
}

async fn body(stream: &mut TcpStream, buf: &mut BytesMut, framing: Framing, limits: &Limits) -> io::Result<Vec<u8>> {
    let mut decoder = ChunkedDecoder::new(limits);
    let mut body = Vec::new();
    loop {
        let more = match framing {
            Framing::None => false,
            Framing::Length(length) => {
                let missing = usize::try_from(length).unwrap_or(usize::MAX).saturating_sub(body.len());
                body.extend_from_slice(&buf.split_to(missing.min(buf.len())));
                missing > 0 && (body.len() as u64) < length
            }
            Framing::Chunked => match decoder.decode(buf).map_err(fault)? {
                Chunk::End => false,
                Chunk::NeedMore => true,
                Chunk::Data(data) => {
                    body.extend_from_slice(&data);
                    continue;
                }
            },
        };
        if !more {
            return Ok(body);
        }
        if body.len() > BODY_BYTES_MAX || stream.read_buf(buf).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn answer(request: &RequestHead, body: &[u8]) -> BytesMut {
    let answer = Answer::to(request.method.as_str().as_bytes(), &request.target, body);
    let mut headers = HeaderMap::new();
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_slice()), HeaderValue::try_from(value.as_slice())) {
            headers.append(name, value);
        }
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let connection = if request.keep_alive { ConnectionOption::Default } else { ConnectionOption::Close };
    let mut out = BytesMut::new();
    write_response(&mut out, status, &headers, &[], Framing::Length(answer.body.len() as u64), connection);
    if request.method != http::Method::HEAD {
        out.extend_from_slice(&answer.body);
    }
    out
}

fn fault(fault: gambeson_wire::Fault) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault.why())
}
