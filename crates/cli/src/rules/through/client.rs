//! Sends a test's bytes as they are, and reads the answer.

use bytes::{Buf as _, BytesMut};
use gambeson_wire::{Chunk, ChunkedDecoder, Limits, ResponseFraming, ResponseHead, Scan, parse_response};
use http::Method;
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// How long one exchange may take: more than the gateway gives a request that does not end.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug, Clone, Default)]
pub(super) struct Came {
    /// The status.
    pub(super) status: u16,
    /// The reference id, of a refusal.
    pub(super) reference: Option<String>,
    /// The body.
    pub(super) body: Vec<u8>,
}

/// One exchange on a connection of its own, from an address of its own. None if no answer came that can be read.
pub(super) async fn exchange(to: SocketAddr, from: Ipv4Addr, request: &[u8]) -> io::Result<Option<Came>> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let mut stream = timeout(PATIENCE, socket.connect(to)).await??;
    stream.set_nodelay(true)?;
    Ok(timeout(PATIENCE, talk(&mut stream, request)).await.ok().and_then(io::Result::ok))
}

async fn talk(stream: &mut TcpStream, request: &[u8]) -> io::Result<Came> {
    // Who refuses may close before it has read everything; its answer is still there.
    let _sent = stream.write_all(request).await;
    let method = request.split(|byte| *byte == b' ').next().and_then(|word| Method::from_bytes(word).ok()).unwrap_or(Method::GET);
    let (mut buf, limits) = (BytesMut::new(), Limits::default());
    let head = loop {
        let mut scan = Scan::default();
        match parse_response(&buf, &mut scan, &limits, &method).map_err(|fault| io::Error::other(fault.why()))? {
            Some((bytes, head)) => {
                buf.advance(bytes);
                if !head.is_interim() {
                    break head;
                }
            }
            None if stream.read_buf(&mut buf).await? == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            None => {}
        }
    };
    let reference = head.headers.get("x-gambeson-ref").and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok(Came { status: head.status.as_u16(), reference, body: body(stream, buf, &head, &limits).await? })
}

async fn body(stream: &mut TcpStream, mut buf: BytesMut, head: &ResponseHead, limits: &Limits) -> io::Result<Vec<u8>> {
    let (mut decoder, mut body) = (ChunkedDecoder::new(limits), Vec::new());
    loop {
        match head.framing {
            ResponseFraming::None => return Ok(body),
            ResponseFraming::Length(length) if buf.len() as u64 >= length => return Ok(buf.to_vec()),
            ResponseFraming::Length(_) | ResponseFraming::UntilClose => {}
            ResponseFraming::Chunked => match decoder.decode(&mut buf).map_err(|fault| io::Error::other(fault.why()))? {
                Chunk::End => return Ok(body),
                Chunk::NeedMore => {}
                Chunk::Data(data) => {
                    body.extend_from_slice(&data);
                    continue;
                }
            },
        }
        if stream.read_buf(&mut buf).await? == 0 {
            return if head.framing == ResponseFraming::UntilClose {
                Ok(buf.to_vec())
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
    }
}
