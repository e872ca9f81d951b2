//! The variables a rule can look at.

macro_rules! variables {
    ($($name:literal $variant:ident $kind:ident $doc:literal,)*) => {
        /// A variable of SecLang.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Variable { $(#[doc = $doc] $variant,)* }

        impl Variable {
            /// All names, as rules write them.
            pub(crate) const NAMES: &[&'static str] = &[$($name),*];

            /// The variable with this name, without regard to case.
            #[must_use]
            pub fn named(name: &str) -> Option<Variable> {
                match name.to_ascii_uppercase().as_str() { $($name => Some(Variable::$variant),)* _ => None }
            }

            /// The name, as rules write it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Variable::$variant => $name,)* }
            }

            /// Whether it has one value or many with names.
            #[must_use]
            pub fn kind(self) -> Kind {
                match self { $(Variable::$variant => Kind::$kind,)* }
            }
        }
    };
}

/// What a variable holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One value.
    One,
    /// Values with names, out of the exchange.
    Many,
    /// What the rules themselves write while they run.
    State,
    /// What this engine has no source for: always empty, so that rules which ask for it load and never match.
    Empty,
}

variables! {
    "ARGS" Args Many "Arguments of query and body.",
    "ARGS_COMBINED_SIZE" ArgsCombinedSize One "Bytes in all names and values of arguments.",
    "ARGS_GET" ArgsGet Many "Arguments of the query.",
    "ARGS_GET_NAMES" ArgsGetNames Many "Their names.",
    "ARGS_NAMES" ArgsNames Many "Names of all arguments.",
    "ARGS_POST" ArgsPost Many "Arguments of the body.",
    "ARGS_POST_NAMES" ArgsPostNames Many "Their names.",
    "AUTH_TYPE" AuthType One "Scheme of the Authorization field.",
    "DURATION" Duration One "Always 0: the engine knows no clock.",
    "ENV" Env Empty "Environment.",
    "FILES" Files Many "File names of uploads, by the name of the part.",
    "FILES_COMBINED_SIZE" FilesCombinedSize One "Bytes of all uploads.",
    "FILES_NAMES" FilesNames Many "Names of the parts that are uploads.",
    "FILES_SIZES" FilesSizes Many "Bytes of each upload.",
    "FILES_TMPNAMES" FilesTmpNames Empty "Uploads are never written to a file here.",
    "FILES_TMP_CONTENT" FilesTmpContent Empty "Content of uploads, which is not kept here.",
    "FULL_REQUEST" FullRequest One "Request line, fields and body.",
    "FULL_REQUEST_LENGTH" FullRequestLength One "Its length in bytes.",
    "GEO" Geo Empty "Country of the client.",
    "GLOBAL" Global Empty "Values kept over requests.",
    "HIGHEST_SEVERITY" HighestSeverity State "Most severe rule that has matched so far.",
    "INBOUND_DATA_ERROR" InboundDataError One "1 when the request's body is longer than its limit.",
    "IP" Ip Empty "Values kept over requests by address.",
    "MATCHED_VAR" MatchedVar State "The value that matched last.",
    "MATCHED_VARS" MatchedVars State "All values that have matched in this chain.",
    "MATCHED_VARS_NAMES" MatchedVarsNames State "Their names.",
    "MATCHED_VAR_NAME" MatchedVarName State "The name of the value that matched last.",
    "MODSEC_BUILD" ModsecBuild One "Version number of the language.",
    "MSC_PCRE_ERROR" PcreError One "Always empty: no pattern can run out of steps.",
    "MSC_PCRE_LIMITS_EXCEEDED" PcreLimits One "Always 0: no pattern can run out of steps.",
    "MULTIPART_BOUNDARY_QUOTED" MultipartBoundaryQuoted One "Flag.",
    "MULTIPART_BOUNDARY_WHITESPACE" MultipartBoundaryWhitespace One "Flag.",
    "MULTIPART_CRLF_LF_LINES" MultipartCrlfLf One "Flag.",
    "MULTIPART_DATA_AFTER" MultipartDataAfter One "Flag.",
    "MULTIPART_DATA_BEFORE" MultipartDataBefore One "Flag.",
    "MULTIPART_FILENAME" MultipartFilename Many "File names as parts state them.",
    "MULTIPART_FILE_LIMIT_EXCEEDED" MultipartFileLimit One "Flag.",
    "MULTIPART_HEADER_FOLDING" MultipartHeaderFolding One "Flag.",
    "MULTIPART_INVALID_HEADER_FOLDING" MultipartInvalidHeaderFolding One "Flag.",
    "MULTIPART_INVALID_PART" MultipartInvalidPart One "Flag.",
    "MULTIPART_INVALID_QUOTING" MultipartInvalidQuoting One "Flag.",
    "MULTIPART_LF_LINE" MultipartLfLine One "Flag.",
    "MULTIPART_MISSING_SEMICOLON" MultipartMissingSemicolon One "Flag.",
    "MULTIPART_NAME" MultipartName Many "Names of parts.",
    "MULTIPART_PART_HEADERS" MultipartPartHeaders Many "Header lines of parts, by the name of the part.",
    "MULTIPART_STRICT_ERROR" MultipartStrictError One "1 when any of the flags above is.",
    "MULTIPART_UNMATCHED_BOUNDARY" MultipartUnmatchedBoundary One "Flag.",
    "OUTBOUND_DATA_ERROR" OutboundDataError One "1 when the response's body is longer than its limit.",
    "PATH_INFO" PathInfo One "Always empty.",
    "PERF_COMBINED" PerfCombined One "Always 0: the engine knows no clock.",
    "QUERY_STRING" QueryString One "What follows the first `?`, as sent.",
    "REMOTE_ADDR" RemoteAddr One "Address of the client.",
    "REMOTE_HOST" RemoteHost One "The same: names are not looked up.",
    "REMOTE_PORT" RemotePort One "Port of the client.",
    "REMOTE_USER" RemoteUser One "User name of Basic authentication.",
    "REQBODY_ERROR" ReqbodyError One "1 when the body could not be read as what it says it is.",
    "REQBODY_ERROR_MSG" ReqbodyErrorMsg One "Why not.",
    "REQBODY_PROCESSOR" ReqbodyProcessor One "How the body is read.",
    "REQBODY_PROCESSOR_ERROR" ReqbodyProcessorError One "Same as REQBODY_ERROR.",
    "REQBODY_PROCESSOR_ERROR_MSG" ReqbodyProcessorErrorMsg One "Same as REQBODY_ERROR_MSG.",
    "REQUEST_BASENAME" RequestBasename One "Last segment of the path, its escapes undone.",
    "REQUEST_BODY" RequestBody One "The body as sent.",
    "REQUEST_BODY_LENGTH" RequestBodyLength One "Its length in bytes.",
    "REQUEST_COOKIES" RequestCookies Many "Cookies.",
    "REQUEST_COOKIES_NAMES" RequestCookiesNames Many "Their names.",
    "REQUEST_FILENAME" RequestFilename One "The path, its escapes undone.",
    "REQUEST_HEADERS" RequestHeaders Many "Fields of the request.",
    "REQUEST_HEADERS_NAMES" RequestHeadersNames Many "Their names.",
    "REQUEST_LINE" RequestLine One "The first line.",
    "REQUEST_METHOD" RequestMethod One "The method.",
    "REQUEST_PROTOCOL" RequestProtocol One "The version, such as HTTP/1.1.",
    "REQUEST_URI" RequestUri One "Path and query as sent.",
    "REQUEST_URI_RAW" RequestUriRaw One "The target as sent, with scheme and host if they were sent.",
    "RESOURCE" Resource Empty "Values kept over requests by resource.",
    "RESPONSE_BODY" ResponseBody One "The body of the response.",
    "RESPONSE_CONTENT_LENGTH" ResponseContentLength One "Its length in bytes.",
    "RESPONSE_CONTENT_TYPE" ResponseContentType One "Its type.",
    "RESPONSE_HEADERS" ResponseHeaders Many "Fields of the response.",
    "RESPONSE_HEADERS_NAMES" ResponseHeadersNames Many "Their names.",
    "RESPONSE_PROTOCOL" ResponseProtocol One "Version of the response.",
    "RESPONSE_STATUS" ResponseStatus One "Its status code.",
    "RULE" Rule State "id, msg, severity of the rule that is running.",
    "SCRIPT_FILENAME" ScriptFilename Empty "A file of the server.",
    "SERVER_ADDR" ServerAddr One "Address of the server.",
    "SERVER_NAME" ServerName One "Host the client asked for.",
    "SERVER_PORT" ServerPort One "Port of the server.",
    "SESSION" Session Empty "Values kept over requests by session.",
    "SESSIONID" SessionId Empty "Name of that session.",
    "STATUS_LINE" StatusLine One "First line of the response.",
    "STREAM_INPUT_BODY" StreamInputBody One "Same as REQUEST_BODY.",
    "STREAM_OUTPUT_BODY" StreamOutputBody One "Same as RESPONSE_BODY.",
    "TIME" Time Empty "The engine knows no clock.",
    "TIME_DAY" TimeDay Empty "The engine knows no clock.",
    "TIME_EPOCH" TimeEpoch Empty "The engine knows no clock.",
    "TIME_HOUR" TimeHour Empty "The engine knows no clock.",
    "TIME_MIN" TimeMin Empty "The engine knows no clock.",
    "TIME_MON" TimeMon Empty "The engine knows no clock.",
    "TIME_SEC" TimeSec Empty "The engine knows no clock.",
    "TIME_WDAY" TimeWday Empty "The engine knows no clock.",
    "TIME_YEAR" TimeYear Empty "The engine knows no clock.",
    "TX" Tx State "What the rules have set for this exchange.",
    "UNIQUE_ID" UniqueId One "Number of the exchange; empty where the host gives none.",
    "URLENCODED_ERROR" UrlencodedError One "1 when a percent sign is followed by no two digits.",
    "USER" User Empty "Values kept over requests by user.",
    "USERID" UserId Empty "Name of that user.",
    "WEBAPPID" WebAppId Empty "Name of the app.",
    "XML" Xml Many "Texts (`/*`) and attributes (`//@*`) of an XML body.",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_without_regard_to_case() {
        assert_eq!(Variable::named("args_names"), Some(Variable::ArgsNames));
        assert_eq!(Variable::named("ARG"), None);
        assert_eq!(
            Variable::NAMES.iter().filter_map(|n| Variable::named(n)).map(Variable::name).collect::<Vec<_>>(),
            Variable::NAMES
        );
    }
}
