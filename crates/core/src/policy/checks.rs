//! What shows only when sections are seen together.

use super::{App, LayerName, Listen, Mode, Modes, Problems, Route, UpstreamAddress, problem::Place};
use std::net::{IpAddr, SocketAddr};
use toml::de::DeTable;

/// Checks the sections against each other.
pub(super) fn check(table: &DeTable<'_>, app: &App, listen: &Listen, modes: Modes, problems: &mut Problems) {
    let at = Place(table);
    addresses(&at, app, listen, problems);
    plain(&at, listen, problems);
    network(&at, app, listen, problems);
    weak_modes(&at, modes, problems);
}

/// Two doors at one address cannot be opened, and an app at the gateway's own address is the gateway.
fn addresses(at: &Place<'_>, app: &App, listen: &Listen, problems: &mut Problems) {
    let doors = [("http", listen.http), ("https", listen.https), ("admin", listen.admin)];
    let open = || doors.iter().filter_map(|(key, address)| address.map(|address| (*key, address)));
    for (i, (key, address)) in open().enumerate() {
        for (earlier, other) in open().take(i).filter(|(_, other)| overlap(*other, address)) {
            let message = format!("`{key}` and `{earlier}` both listen on {address}, which only one can");
            let span = at.find("listen", &[key, earlier]);
            problems.error(&format!("listen.{key}"), span, message, format!("give one another port; {other} is taken"));
        }
        if let UpstreamAddress::Tcp(upstream) = app.address
            && overlap(address, upstream)
        {
            let message = format!("the app is looked for at {upstream}, where the gateway itself listens for `{key}`");
            let span = at.find("app", &["upstream"]).or_else(|| at.find("listen", &[key]));
            problems.error("app.upstream", span, message, "start the app on another port, or move the gateway's");
        }
    }
}

fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let any = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && (any || a.ip() == b.ip())
}

fn plain(at: &Place<'_>, listen: &Listen, problems: &mut Problems) {
    let span = || at.find("listen", &["plain"]);
    match (listen.plain, listen.http) {
        (true, None) => {
            let help = "give `http` an address, such as \"127.0.0.1:8080\", or leave `plain` out";
            problems.error("listen.plain", span(), "there is no plain HTTP to serve the app over", help);
        }
        (true, Some(http)) if !http.ip().is_loopback() && listen.trusted_proxies.is_empty() => {
            let message = format!("the app is served unencrypted on {http}, open to the network (CWE-319)");
            let help = "name the load balancer in `trusted_proxies`, or bind `http` to 127.0.0.1";
            problems.warning("listen.plain", span(), message, help);
        }
        _ => {}
    }
}

fn network(at: &Place<'_>, app: &App, listen: &Listen, problems: &mut Problems) {
    let doors = [("https", listen.https), ("http", listen.http)];
    let public = doors.iter().find(|(_, address)| address.is_some_and(|address| !address.ip().is_loopback()));
    let local = |host: &String| host == "localhost" || host.ends_with(".localhost") || is_loopback(host);
    if let Some((key, _)) = public
        && app.hosts.iter().all(local)
    {
        let span = at.find("app", &["hosts"]).or_else(|| at.find("listen", &[key]));
        let message = "the gateway is open to the network, but answers only to names of this machine";
        problems.warning("app.hosts", span, message, "add the public name, such as \"shop.example.com\"");
    }
    if let UpstreamAddress::Tcp(upstream) = app.address
        && !upstream.ip().is_loopback()
    {
        let message = "the way to the app is unencrypted, and whoever reaches the app there passes the gateway by";
        let help = "let the app listen on 127.0.0.1 or a Unix socket, or make sure that only the gateway reaches it";
        problems.warning("app.upstream", at.find("app", &["upstream"]), message, help);
    }
}

fn is_loopback(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A layer that does not refuse is sometimes meant and often forgotten.
fn weak_modes(at: &Place<'_>, modes: Modes, problems: &mut Problems) {
    for &layer in LayerName::ALL {
        let (message, help) = match modes.get(layer) {
            Mode::Enforce => continue,
            Mode::Report => {
                ("this layer only records what it finds", "set it to \"enforce\" when the log shows nothing ordinary")
            }
            Mode::Off => ("this layer is off for the whole app", "an exception for a part of it is `off = [...]` in a [[route]]"),
        };
        problems.warning(&format!("{layer}.mode"), at.find(layer.as_str(), &["mode"]), message, help);
    }
}

/// Checks the routes against each other and the global modes. They are in the order of the file, with their place in it.
pub(super) fn routes(table: &DeTable<'_>, routes: &[&(usize, Route)], modes: Modes, problems: &mut Problems) {
    let at = Place(table);
    for (n, (i, route)) in routes.iter().enumerate() {
        let path = |key: &str| format!("route[{i}].{key}");
        for (j, earlier) in routes.iter().take(n) {
            if let Some((message, is_error)) = shadow(route, earlier, *j) {
                let help = "put both into one route, or give them different paths or methods";
                let add = if is_error { Problems::error } else { Problems::warning };
                add(problems, &path("path"), at.find_item("route", *i, "path"), message, help.to_owned());
            }
        }
        for &layer in LayerName::ALL {
            if modes.get(layer) == Mode::Off && at.item_names("route", *i, "off", layer.as_str()) {
                let message = format!("`{layer}` is off everywhere already");
                problems.warning(&path("off"), at.find_item("route", *i, "off"), message, "leave it out here");
            }
            if at.item_names("route", *i, "off", layer.as_str()) && at.item_names("route", *i, "report", layer.as_str()) {
                let message = format!("`{layer}` is in `off` and in `report`");
                problems.error(&path("report"), at.find_item("route", *i, "report"), message, "leave it in one of them");
            }
        }
    }
}

/// Whether an earlier route takes the requests of this one.
fn shadow(route: &Route, earlier: &Route, j: usize) -> Option<(String, bool)> {
    let alike = route.pattern.is_like(&earlier.pattern) && route.methods.is_empty() == earlier.methods.is_empty();
    let common = route.methods.iter().filter(|method| earlier.methods.contains(method)).count();
    match alike {
        true if common == route.methods.len() => Some((format!("never used: route[{j}] has the same path and methods"), true)),
        true if common > 0 => Some((format!("route[{j}] has the same path and takes some of these methods"), false)),
        _ => None,
    }
}
