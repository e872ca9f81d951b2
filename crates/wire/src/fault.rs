//! Every reason for which a message is refused.

use std::fmt;

/// Declares the faults with their rule name, status and reason in one table.
macro_rules! faults {
    ($($name:ident $rule:literal $status:literal $why:literal;)+) => {
        /// Why a message is refused: not an HTTP/1 message that can be read in only one way.
        ///
        /// `status()` is the answer when a client sent the message. When an app sent it, the answer is 502 whatever the fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Fault {
            $(#[doc = $why] $name,)+
        }

        impl Fault {
            /// Every fault, in the order of the table.
            pub const ALL: &[Fault] = &[$(Fault::$name,)+];

            /// The stable kebab-case name used in logs, metrics and tests.
            pub const fn rule(self) -> &'static str {
                match self { $(Fault::$name => $rule,)+ }
            }

            /// The status that answers a client which sent such a message.
            pub const fn status(self) -> u16 {
                match self { $(Fault::$name => $status,)+ }
            }

            /// One sentence: what is wrong, and where the standard says so.
            pub const fn why(self) -> &'static str {
                match self { $(Fault::$name => $why,)+ }
            }
        }
    };
}

faults! {
    TlsOnPlain "tls-on-plain" 400 "A TLS handshake arrived where plain HTTP is spoken (RFC 9112 2.1).";
    H2Preface "h2-preface" 505 "An HTTP/2 preface arrived on an HTTP/1 connection; HTTP/2 is negotiated by TLS only (RFC 9113 3.3).";
    LeadingBlankLines "leading-blank-lines" 400 "More than one empty line precedes the request line (RFC 9112 2.2).";
    BareLf "bare-lf" 400 "A line ends in LF without CR; parsers disagree about such line ends (RFC 9112 2.2).";
    BareCr "bare-cr" 400 "A CR stands alone, not before LF; parsers disagree whether it ends the line (RFC 9112 2.2).";
    HeadTooLarge "head-too-large" 431 "The head is larger than the limit (RFC 6585 5).";

    MalformedRequestLine "malformed-request-line" 400 "The request line is not method, one space, target, one space, version (RFC 9112 3).";
    BadMethod "bad-method" 400 "The method is not a token (RFC 9110 9.1).";
    MethodTooLong "method-too-long" 501 "The method is longer than any that is known (RFC 9112 3).";
    Connect "connect" 501 "CONNECT asks for a tunnel; this is not a forward proxy (RFC 9110 9.3.6).";
    SpaceInTarget "space-in-target" 400 "The request-target contains white space, so its end is ambiguous (RFC 9112 3.2).";
    TargetBytes "target-bytes" 400 "The request-target contains a control byte (RFC 9112 3.2).";
    TargetTooLong "target-too-long" 414 "The request-target is longer than the limit (RFC 9110 15.5.15).";
    TargetForm "target-form" 400 "The request-target is in no form that a server accepts for this method (RFC 9112 3.2).";
    AuthorityMismatch "authority-mismatch" 400 "The absolute request-target names another authority than Host (RFC 9112 3.2.2).";
    MalformedVersion "malformed-version" 400 "The version is not HTTP/digit.digit (RFC 9112 2.3).";
    UnsupportedVersion "unsupported-version" 505 "The version is neither HTTP/1.1 nor HTTP/1.0 (RFC 9110 15.6.6).";

    SpaceBeforeFields "space-before-fields" 400 "White space stands between the start line and the first field (RFC 9112 2.2).";
    ObsFold "obs-fold" 400 "A field value continues on the next line (obs-fold, RFC 9112 5.2).";
    SpaceBeforeColon "space-before-colon" 400 "White space stands between the field name and its colon (RFC 9112 5.1).";
    MissingColon "missing-colon" 400 "A field line has no colon (RFC 9112 5).";
    EmptyName "empty-name" 400 "A field line has no name (RFC 9110 5.1).";
    BadName "bad-name" 400 "A field name is not a token (RFC 9110 5.1).";
    ControlInValue "control-in-value" 400 "A field value contains a control byte such as NUL (RFC 9110 5.5).";
    TooManyHeaders "too-many-headers" 431 "The head has more fields than the limit (RFC 6585 5).";
    HeaderTooLarge "header-too-large" 431 "A field line is larger than the limit (RFC 6585 5).";

    MissingHost "missing-host" 400 "The request has no Host (RFC 9112 3.2).";
    RepeatedHost "repeated-host" 400 "The request has more than one Host (RFC 9112 3.2).";
    BadHost "bad-host" 400 "Host is not host or host:port (RFC 9110 7.2).";

    LengthAndChunked "length-and-chunked" 400 "Content-Length and Transfer-Encoding contradict each other (RFC 9112 6.1).";
    RepeatedLength "repeated-length" 400 "Content-Length is given more than once (RFC 9110 8.6).";
    ListedLength "listed-length" 400 "Content-Length is a list (RFC 9110 8.6).";
    BadLength "bad-length" 400 "Content-Length is not a plain decimal number (RFC 9110 8.6).";
    LengthOverflow "length-overflow" 413 "Content-Length is larger than any body (RFC 9110 8.6).";
    RepeatedTransferEncoding "repeated-transfer-encoding" 400 "Transfer-Encoding is given more than once (RFC 9112 6.1).";
    UnknownTransferCoding "unknown-transfer-coding" 501 "Transfer-Encoding is anything but exactly chunked (RFC 9112 6.1).";
    ChunkedInHttp10 "chunked-in-http10" 400 "HTTP/1.0 knows no Transfer-Encoding (RFC 9112 6.1).";
    BadConnection "bad-connection" 400 "Connection is not a list of tokens, or names a field that frames or routes the message (RFC 9110 7.6.1).";
    UnknownExpectation "unknown-expectation" 417 "Expect asks for something other than 100-continue (RFC 9110 10.1.1).";

    ChunkSize "chunk-size" 400 "A chunk size is not hexadecimal digits followed by CRLF (RFC 9112 7.1).";
    ChunkSizeTooLong "chunk-size-too-long" 413 "A chunk size has more digits than any body needs (RFC 9112 7.1).";
    ChunkExtension "chunk-extension" 400 "A chunk has an extension; nobody needs them and parsers disagree about them (RFC 9112 7.1.1).";
    ChunkEnd "chunk-end" 400 "Chunk data is not followed by CRLF (RFC 9112 7.1).";
    TrailersTooLarge "trailers-too-large" 431 "The trailer section is larger than the limit (RFC 9112 7.1.2).";

    MalformedStatusLine "malformed-status-line" 502 "The status line is not version, space, three digits, reason (RFC 9112 4).";
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.why())
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::Fault;
    use std::collections::HashSet;

    #[test]
    fn rules_are_unique_kebab_case_and_reasons_cite_a_standard() {
        let rules: HashSet<_> = Fault::ALL.iter().map(|fault| fault.rule()).collect();
        assert_eq!(rules.len(), Fault::ALL.len());
        for fault in Fault::ALL {
            assert!(fault.rule().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            assert!((400..=505).contains(&fault.status()), "{fault:?}");
            assert!(fault.why().contains("RFC ") && fault.why().ends_with(")."), "{fault:?}");
        }
    }
}
