//! `[[route]]`: exceptions and rules for parts of the app.

use super::{Key, Kind, LayerName, Mode, Modes, Pattern, Reader, Section, Size};
use crate::layers::{
    headers::{Csp, Headers},
    rate_limit::Limit,
};
use http::Method;
use std::time::Duration;

/// `[[route]]`
pub(super) const ROUTE: Section = Section {
    name: "route",
    about: "A part of the app with rules of its own. The most specific path wins; a route with methods wins over one without.",
    why: "One strict default for all, and the exceptions written where they can be seen.",
    keys: &[
        Key {
            name: "path",
            kind: Kind::Text("path pattern"),
            default: "",
            about: "Which paths: `/comments`, `/users/{id}`, `/static/*`. A slash at the end makes no difference: `/logout` is `/logout/` too.",
            why: "It must be given. Flask and Django answer both spellings, so a rule for one holds for the other.",
        },
        Key {
            name: "methods",
            kind: Kind::List(&Kind::Text("method")),
            default: "[]",
            about: "Which methods; all when empty.",
            why: "Most rules are the same for all.",
        },
        Key {
            name: "off",
            kind: Kind::List(&Kind::Choice(LayerName::NAMES)),
            default: "[]",
            about: "Layers that are not asked here.",
            why: "None: an exception is always a decision.",
        },
        Key {
            name: "report",
            kind: Kind::List(&Kind::Choice(LayerName::NAMES)),
            default: "[]",
            about: "Layers that only record here.",
            why: "None.",
        },
        Key {
            name: "limit",
            kind: Kind::Text("rate"),
            default: "",
            about: "How often it may be asked for: `10/minute per address`, `100/hour per network`, `1000/minute`.",
            why: "It takes the place of `rate_limit.dynamic` and `rate_limit.login` here; `rate_limit.limits` hold anyway.",
        },
        Key {
            name: "body",
            kind: Kind::Size,
            default: "",
            about: "The largest request body here.",
            why: "`protocol.body` holds otherwise.",
        },
        Key {
            name: "state_changing",
            kind: Kind::Bool,
            default: "false",
            about: "Whether even GET changes state here, so that forged requests must be refused.",
            why: "GET is for reading (RFC 9110 section 9.2.1).",
        },
        Key {
            name: "csp",
            kind: Kind::Text("Content-Security-Policy"),
            default: "",
            about: "A Content-Security-Policy for this part, instead of the one in `headers`.",
            why: "Some pages need more; the rest should not.",
        },
        Key {
            name: "response",
            kind: Kind::Duration,
            default: "",
            about: "How long the app may take to begin its answer here.",
            why: "`upstream.response` holds otherwise.",
        },
    ],
};

/// A part of the app with rules of its own.
#[derive(Debug, Clone)]
pub struct Route {
    /// Which paths.
    pub pattern: Pattern,
    /// Which methods; all when empty.
    pub methods: Vec<Method>,
    /// The mode of every layer here.
    pub modes: Modes,
    /// How often it may be asked for.
    pub limit: Option<Limit>,
    /// The largest request body, in bytes.
    pub body_bytes_max: Option<u64>,
    /// Whether even GET changes state.
    pub state_changing: bool,
    /// Its own Content-Security-Policy.
    pub csp: Option<Csp>,
    /// How long the app may take to begin its answer.
    pub response: Option<Duration>,
}

impl Route {
    pub(super) fn compile(reader: &mut Reader<'_>, mut modes: Modes, headers: &mut Headers) -> Option<Self> {
        if !reader.is_written("path") {
            reader.error("path", "this route has no path", "add `path = \"/...\"`");
        }
        let pattern = reader.optional("path");
        for (key, mode) in [("report", Mode::Report), ("off", Mode::Off)] {
            for layer in reader.get::<Vec<LayerName>>(key) {
                modes.set(layer, mode);
            }
        }
        let route = Self {
            methods: reader.methods("methods"),
            modes,
            limit: reader.optional("limit"),
            body_bytes_max: reader.optional::<Size>("body").map(|size| size.0),
            state_changing: reader.get("state_changing"),
            csp: csp(reader, headers),
            response: reader.optional("response"),
            pattern: pattern?,
        };
        Some(route)
    }
}

fn csp(reader: &mut Reader<'_>, headers: &mut Headers) -> Option<Csp> {
    let text: String = reader.optional("csp")?;
    headers.csp_of_route(&text).map_err(|wrong| reader.error("csp", wrong.message, wrong.help)).ok()
}

/// Which route an exchange is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RouteId(u16);

impl RouteId {
    /// Its number, for keys of buckets.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// All routes, the most specific first.
#[derive(Debug, Clone, Default)]
pub struct Routes(Vec<Route>);

impl Routes {
    pub(super) fn new(mut routes: Vec<Route>) -> Self {
        routes.sort_by(|a, b| a.pattern.by_specificity(&b.pattern).then_with(|| a.methods.is_empty().cmp(&b.methods.is_empty())));
        routes.truncate(usize::from(u16::MAX));
        Self(routes)
    }

    pub(super) fn set_mode(&mut self, layer: LayerName, mode: Mode) {
        for route in &mut self.0 {
            route.modes.set(layer, mode);
        }
    }

    /// The route of a request, by its decoded path. Routes for GET are for HEAD too: frameworks answer it by running the same code.
    #[must_use]
    pub fn find(&self, method: &Method, path: &str) -> Option<RouteId> {
        let is_for = |named: &Method| named == method || (*method == Method::HEAD && *named == Method::GET);
        let fits = |route: &Route| (route.methods.is_empty() || route.methods.iter().any(is_for)) && route.pattern.matches(path);
        let index = self.0.iter().position(fits)?;
        u16::try_from(index).ok().map(RouteId)
    }

    /// The route's rules.
    #[must_use]
    pub fn get(&self, id: RouteId) -> Option<&Route> {
        self.0.get(usize::from(id.0))
    }

    /// Every route, the most specific first.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;
    use http::Method;

    #[test]
    fn a_route_for_get_is_for_head_too_and_for_nothing_else() {
        let policy = Policy::parse("[[route]]\npath = \"/logout\"\nmethods = [\"GET\"]\nstate_changing = true").unwrap();
        let found = |method| policy.routes.find(&method, "/logout").is_some();
        assert!(found(Method::GET) && found(Method::HEAD));
        assert!(!found(Method::POST) && !found(Method::OPTIONS));
    }
}
