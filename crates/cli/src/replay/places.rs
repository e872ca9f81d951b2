//! Where known attacks are tried: the places that two policies speak of, and one of each kind that they do not.

use std::collections::BTreeSet;
use toml::{Table, Value};

/// More places are not tried.
const PLACES_MAX: usize = 64;

/// A parameter of a part of the app.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) holder: Holder,
    pub(super) name: String,
}

/// What holds the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holder {
    Query,
    Form,
    Json,
    Cookie,
    Header,
}

impl Holder {
    const ALL: [(&'static str, Self); 5] =
        [("query", Self::Query), ("form", Self::Form), ("json", Self::Json), ("cookie", Self::Cookie), ("header", Self::Header)];

    /// As findings name it.
    pub(super) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, holder)| *holder == self).map_or("", |(word, _)| word)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let method = if matches!(self.holder, Holder::Form | Holder::Json) { "POST" } else { "GET" };
        write!(f, "{method} {} ({} {})", self.path, self.holder.word(), self.name)
    }
}

/// The places that policies speak of, by their texts; they have been read by the policy's own reader before.
pub(super) fn places(policies: &[&str]) -> Vec<Place> {
    let mut places = BTreeSet::new();
    places.extend(anywhere("/"));
    for table in policies.iter().filter_map(|text| text.parse::<Table>().ok()) {
        let intrusion = table.get("intrusion");
        tables(intrusion.and_then(|section| section.get("except"))).for_each(|except| places.extend(of_exception(except)));
        tables(table.get("route")).filter_map(path_of).for_each(|path| places.extend(anywhere(&path)));
        let exclude = intrusion.and_then(|section| section.get("crs")?.get("exclude")?.as_array());
        exclude.into_iter().flatten().filter_map(Value::as_str).for_each(|line| places.extend(of_exclude(line)));
    }
    places.into_iter().take(PLACES_MAX).collect()
}

fn tables(list: Option<&Value>) -> impl Iterator<Item = &Table> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table)
}

fn path_of(table: &Table) -> Option<String> {
    table.get("path").and_then(Value::as_str).map(sample)
}

/// A path that a pattern matches.
fn sample(pattern: &str) -> String {
    let segments = pattern.split('/').map(|segment| if segment == "*" || segment.starts_with('{') { "x" } else { segment });
    segments.collect::<Vec<_>>().join("/").replace('*', "x")
}

/// One place of each kind that people fill in.
fn anywhere(path: &str) -> [Place; 3] {
    [Holder::Query, Holder::Form, Holder::Json].map(|holder| Place { path: path.to_owned(), holder, name: "text".to_owned() })
}

fn of_exception(except: &Table) -> Vec<Place> {
    let path = path_of(except).unwrap_or_else(|| "/x".to_owned());
    let Some(parameter) = except.get("parameter").and_then(Value::as_str) else { return anywhere(&path).into() };
    let (word, name) = parameter.split_once(' ').unwrap_or((parameter, "text"));
    let name = name.replace('*', "x");
    Holder::ALL
        .iter()
        .filter(|(own, _)| *own == word)
        .map(|&(_, holder)| Place { path: path.clone(), holder, name: name.clone() })
        .collect()
}

/// `942100 ARGS:q /search`
fn of_exclude(line: &str) -> Vec<Place> {
    let mut words = line.split_whitespace().skip(1);
    let variable = words.next();
    let path = sample(words.next().unwrap_or("/"));
    let Some((variable, name)) = variable.and_then(|variable| variable.split_once(':')) else { return anywhere(&path).into() };
    let holders: &[Holder] = match variable {
        "ARGS_GET" => &[Holder::Query],
        "ARGS_POST" => &[Holder::Form],
        "REQUEST_COOKIES" => &[Holder::Cookie],
        "REQUEST_HEADERS" => &[Holder::Header],
        _ => &[Holder::Query, Holder::Form],
    };
    holders.iter().map(|&holder| Place { path: path.clone(), holder, name: name.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn the_places_that_a_policy_speaks_of_are_tried() {
        let policy = r#"
            [[route]]
            path = "/users/{id}"
            [[intrusion.except]]
            path = "/articles/*"
            parameter = "json article.text"
            [[intrusion.except]]
            parameter = "query q*"
            [intrusion.crs]
            exclude = ["942100 ARGS:q /search", "942000-942999"]
        "#;
        let shown: Vec<String> = places(&["", policy]).iter().map(ToString::to_string).collect();
        for expected in [
            "GET / (query text)",
            "POST / (form text)",
            "GET /users/x (query text)",
            "POST /articles/x (json article.text)",
            "GET /x (query qx)",
            "GET /search (query q)",
            "POST /search (form q)",
        ] {
            assert!(shown.iter().any(|place| place == expected), "{expected}: {shown:?}");
        }
    }
}
