//! A request to be judged: recorded, or made up.

use bytes::Bytes;
use gambeson_core::exchange::{Connection, Received, Tls};
use gambeson_store::traffic::Request;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use std::{net::IpAddr, sync::Arc};

/// The year 2248.
const TIME_MAX_MS: u64 = 1 << 43;

/// A request to be judged.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) time_ms: u64,
    pub(super) client: IpAddr,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) method: Method,
    pub(super) target: Bytes,
    pub(super) authority: Option<String>,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<AskedBody>,
    /// What the app answered then, where it was asked.
    pub(super) answered: Option<StatusCode>,
    /// Whether limits can be judged: they need all requests of their time.
    pub(super) limits: bool,
}

/// What is known of its body.
#[derive(Debug, Clone, Default)]
pub(super) struct AskedBody {
    pub(super) bytes: Vec<u8>,
    pub(super) whole: bool,
    /// How many bytes came, at least.
    pub(super) seen: u64,
}

impl Asked {
    /// What was recorded; `None` when it is no request.
    pub(super) fn recorded(request: &Request) -> Option<Self> {
        // A time that nobody lives to see would stop the clock for all that follow.
        if request.time_ms > TIME_MAX_MS {
            return None;
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            headers.append(HeaderName::try_from(name.as_str()).ok()?, HeaderValue::from_bytes(&value.bytes()?).ok()?);
        }
        let body = match &request.body {
            None => None,
            Some(body) => {
                let bytes = body.text.as_ref().map_or(Some(Vec::new()), gambeson_store::traffic::Text::bytes)?;
                Some(AskedBody { bytes, whole: body.whole, seen: body.bytes })
            }
        };
        Some(Self {
            time_ms: request.time_ms,
            client: request.client,
            tls: request.https.then(|| Arc::new(Tls { sni: request.sni.clone(), client_certificate: None })),
            method: Method::from_bytes(request.method.as_bytes()).ok()?,
            target: request.target.bytes()?.into(),
            authority: request.authority.clone(),
            version: match request.version {
                10 => Version::HTTP_10,
                20 => Version::HTTP_2,
                _ => Version::HTTP_11,
            },
            headers,
            body,
            answered: StatusCode::from_u16(request.status).ok().filter(|_| request.stopped.is_none()),
            limits: request.one_of_all,
        })
    }

    pub(super) fn received(&self) -> Received {
        Received {
            method: self.method.clone(),
            target: self.target.clone(),
            authority: self.authority.clone(),
            version: self.version,
            headers: self.headers.clone(),
            has_body: self.body.is_some(),
        }
    }

    pub(super) fn connection(&self) -> Connection {
        Connection::new(self.client, self.tls.clone())
    }
}
