//! The closed sets that label values come from.

use gambeson_core::sanction::Rung;

/// A label, or two, with a fixed set of values.
pub trait Label: Copy {
    /// How many values there are.
    const COUNT: usize;

    /// The position of this value, below [`Self::COUNT`].
    fn index(self) -> usize;

    /// The value at a position as it is written on the page: `status="2xx"`.
    fn pair(index: usize) -> String;
}

/// Two labels: every combination is a value.
impl<A: Label, B: Label> Label for (A, B) {
    const COUNT: usize = A::COUNT * B::COUNT;

    fn index(self) -> usize {
        self.0.index() * B::COUNT + self.1.index()
    }

    fn pair(index: usize) -> String {
        format!("{},{}", A::pair(index / B::COUNT), B::pair(index % B::COUNT))
    }
}

impl Label for Rung {
    const COUNT: usize = Self::ALL.len();

    fn index(self) -> usize {
        self as usize
    }

    fn pair(index: usize) -> String {
        format!("rung=\"{}\"", Self::NAMES.get(index).copied().unwrap_or_default())
    }
}

macro_rules! labels {
    ($($(#[$doc:meta])* $type:ident $key:literal { $($(#[$about:meta])* $variant:ident = $value:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $type { $($(#[$about])* $variant,)* }

        impl $type {
            const VALUES: &[&str] = &[$($value,)*];

            /// Its name on the page.
            #[must_use]
            pub const fn value(self) -> &'static str {
                match self { $(Self::$variant => $value,)* }
            }
        }

        impl Label for $type {
            const COUNT: usize = Self::VALUES.len();

            fn index(self) -> usize {
                self as usize
            }

            fn pair(index: usize) -> String {
                format!("{}=\"{}\"", $key, Self::VALUES.get(index).copied().unwrap_or_default())
            }
        }
    )*};
}

labels! {
    /// What the client spoke.
    Protocol "protocol" {
        /// HTTP/1.1 or 1.0.
        H1 = "h1",
        /// HTTP/2.
        H2 = "h2",
    }

    /// The class of a status.
    StatusClass "status" {
        /// Interim or switching protocols.
        Informational = "1xx",
        /// Success.
        Success = "2xx",
        /// Redirection.
        Redirection = "3xx",
        /// The client's fault.
        ClientError = "4xx",
        /// The server's fault.
        ServerError = "5xx",
    }

    /// How a TLS handshake ended.
    Handshake "result" {
        /// In full.
        Full = "full",
        /// With a ticket of an earlier one.
        Resumed = "resumed",
        /// Not at all.
        Failed = "failed",
    }

    /// Whether something worked.
    Outcome "result" {
        /// It did.
        Succeeded = "succeeded",
        /// It did not.
        Failed = "failed",
    }

    /// Who is told of what is grave.
    Receiver "to" {
        /// A webhook.
        Webhook = "webhook",
        /// A syslog server.
        Syslog = "syslog",
    }

    /// Why a record was lost.
    Loss "why" {
        /// The queue to the writer was full.
        QueueFull = "queue-full",
        /// The disk did not take it.
        Unwritable = "unwritable",
        /// It was larger than a line may be.
        Oversize = "oversize",
    }
}

impl StatusClass {
    /// The class of a status; what is no status counts as the server's fault.
    #[must_use]
    pub const fn of(status: u16) -> Self {
        match status {
            100..200 => Self::Informational,
            200..300 => Self::Success,
            300..400 => Self::Redirection,
            400..500 => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}
