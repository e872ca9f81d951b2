//! SecLang: reads rule files such as the OWASP Core Rule Set, plans them once, judges requests in linear time.

pub mod operator;
pub mod transform;
