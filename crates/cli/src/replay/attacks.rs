//! Known attacks, tried by both policies on the places they speak of: what an exception costs.

use super::{
    asked::{Asked, AskedBody},
    judge::{Side, rule},
    places::{Holder, Place, places},
};
use gambeson_core::{exchange::Tls, record::shown};
use gambeson_detect::{
    Where,
    attacks::{Attack, attacks},
};
use gambeson_store::audit::printable;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write as _, net::Ipv4Addr, sync::Arc};

/// Examples of a group.
const EXAMPLES_MAX: usize = 3;

/// What known attacks would do.
#[derive(Debug, Default, Serialize)]
pub(super) struct Attacks {
    tried: u64,
    stopped_by_both: u64,
    passing_both: u64,
    newly_passing: Vec<Group>,
    newly_stopped: Vec<Group>,
}

#[derive(Debug, Default, Serialize)]
struct Group {
    place: String,
    /// The rule that stops them, or did.
    rule: String,
    count: u64,
    examples: Vec<String>,
}

type Groups = BTreeMap<(String, String), Group>;

/// Tries every attack on every place.
pub(super) fn try_all(old: &Side, new: &Side, policies: &[&str]) -> Attacks {
    let mut found = Attacks::default();
    let (mut passing, mut stopped) = (Groups::new(), Groups::new());
    let host = new.policy().app.hosts.first().map_or("localhost", String::as_str);
    let port = new.policy().listen.public_port;
    let places = places(policies);
    for (place, attack) in places.iter().flat_map(|place| attacks().map(move |attack| (place, attack))) {
        let Some((place, asked)) = asked(place, &attack, host, port) else { continue };
        found.tried += 1;
        match (old.judge(&asked), new.judge(&asked)) {
            (Some(before), None) => add(&mut passing, place, rule(&before), &attack),
            (None, Some(after)) => add(&mut stopped, place, rule(&after), &attack),
            (Some(_), Some(_)) => found.stopped_by_both += 1,
            (None, None) => found.passing_both += 1,
        }
    }
    found.newly_passing = passing.into_values().collect();
    found.newly_stopped = stopped.into_values().collect();
    found
}

fn add(groups: &mut Groups, place: String, rule: String, attack: &Attack) {
    let group = groups.entry((place.clone(), rule.clone())).or_default();
    if group.count == 0 {
        *group = Group { place, rule, ..Group::default() };
    }
    group.count += 1;
    if group.examples.len() < EXAMPLES_MAX {
        group.examples.push(shown(&attack.bytes));
    }
}

impl Attacks {
    pub(super) fn is_change(&self) -> bool {
        !self.newly_passing.is_empty() || !self.newly_stopped.is_empty()
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (title, groups) in [("attacks newly passing", &self.newly_passing), ("attacks newly stopped", &self.newly_stopped)] {
            let _ = writeln!(text, "{title}: {}", groups.iter().map(|group| group.count).sum::<u64>());
            for Group { place, rule, count, examples } in groups {
                let _ = writeln!(text, "  {}", printable(&format!("{count}x {rule}: {place}")));
                examples.iter().for_each(|example| text.push_str(&format!("      {}\n", printable(example))));
            }
        }
        let Self { tried, stopped_by_both, passing_both, .. } = self;
        let _ = writeln!(text, "attacks: {tried} tried, {stopped_by_both} stopped by both policies, {passing_both} by neither");
        text
    }
}

/// A request that carries the attack, and where it stands in it. What has a place of its own is tried once for each path.
fn asked(place: &Place, attack: &Attack, host: &str, port: Option<u16>) -> Option<(String, Asked)> {
    let once = place.holder == Holder::Query;
    match attack.place {
        Where::Agent if once => {
            let mut asked = request(Method::GET, &place.path, host, port)?;
            asked.headers.insert(header::USER_AGENT, HeaderValue::from_bytes(&attack.bytes).ok()?);
            Some((format!("GET {} (header user-agent)", place.path), asked))
        }
        Where::Path if once && place.path == "/" => {
            let target = String::from_utf8_lossy(&attack.bytes).into_owned();
            Some(("GET (path)".to_owned(), request(Method::GET, &target, host, port)?))
        }
        Where::Agent | Where::Path => None,
        Where::Name => Some((format!("{place}, as the name"), carrying(place, &attack.bytes, b"1", host, port)?)),
        _ => Some((place.to_string(), carrying(place, place.name.as_bytes(), &attack.bytes, host, port)?)),
    }
}

fn carrying(place: &Place, name: &[u8], value: &[u8], host: &str, port: Option<u16>) -> Option<Asked> {
    let pair = || format!("{}={}", encoded(name), encoded(value));
    let posted = |kind: &'static str, body: String| {
        let mut asked = request(Method::POST, &place.path, host, port)?;
        asked.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        let seen = body.len() as u64;
        asked.body = Some(AskedBody { bytes: body.into_bytes(), whole: true, seen });
        Some(asked)
    };
    match place.holder {
        Holder::Query => request(Method::GET, &format!("{}?{}", place.path, pair()), host, port),
        Holder::Form => posted("application/x-www-form-urlencoded", pair()),
        Holder::Json => posted("application/json", document(str::from_utf8(name).ok()?, str::from_utf8(value).ok()?).to_string()),
        Holder::Cookie => {
            with_field(request(Method::GET, &place.path, host, port)?, header::COOKIE, &[name, b"=", value].concat())
        }
        Holder::Header => with_field(request(Method::GET, &place.path, host, port)?, HeaderName::from_bytes(name).ok()?, value),
    }
}

/// A field value cannot hold every attack.
fn with_field(mut asked: Asked, name: HeaderName, value: &[u8]) -> Option<Asked> {
    asked.headers.insert(name, HeaderValue::from_bytes(value).ok()?);
    Some(asked)
}

/// A document with one value under a flattened name: `article.tags.0`.
fn document(name: &str, value: &str) -> serde_json::Value {
    name.rsplit('.').fold(value.into(), |inner, segment| match segment.parse::<u8>() {
        Ok(_) => serde_json::json!([inner]),
        Err(_) => serde_json::json!({ segment: inner }),
    })
}

/// A request as a page of the app itself sends it.
fn request(method: Method, target: &str, host: &str, port: Option<u16>) -> Option<Asked> {
    let host = host.replace("*.", "www.");
    let authority = port.filter(|port| *port != 443).map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_str(&authority).ok()?);
    headers.insert(header::ORIGIN, HeaderValue::from_str(&format!("https://{authority}")).ok()?);
    headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
    Some(Asked {
        time_ms: 0,
        client: Ipv4Addr::new(192, 0, 2, 1).into(),
        tls: Some(Arc::new(Tls::default())),
        method,
        target: target.to_owned().into(),
        authority: None,
        version: Version::HTTP_11,
        headers,
        body: None,
        answered: None,
        limits: false,
    })
}

fn encoded(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|&byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
