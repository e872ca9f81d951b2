//! Transformations: what `t:NAME` does to a value before an operator sees it.
//!
//! The semantics are those of ModSecurity 3 (its reference manual, "Transformation functions"); where its versions differ, the
//! one that decodes more wins, for what is left undecoded passes unseen. Each deviation is named beside the code.
//!
//! All are pure, linear in the input, and never give more than six bytes for one.

mod bytes;
mod comments;
mod encoding;
mod escape;
mod html;
mod path;
mod text;
mod url;
mod utf8;

use std::borrow::Cow;

pub use bytes::ByteSet;
pub(crate) use encoding::base64_prefix;
pub(crate) use text::{REMOVED_WHITESPACE, WHITESPACE};

/// One transformation function. `t:none` is not one: it empties the list of a rule, which the language does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are those of the reference manual")]
pub enum Transform {
    Base64Decode,
    Base64DecodeExt,
    Base64Encode,
    CmdLine,
    CompressWhitespace,
    CssDecode,
    EscapeSeqDecode,
    HexDecode,
    HexEncode,
    HtmlEntityDecode,
    JsDecode,
    Length,
    Lowercase,
    Md5,
    NormalizePath,
    NormalizePathWin,
    ParityEven7Bit,
    ParityOdd7Bit,
    ParityZero7Bit,
    RemoveComments,
    RemoveCommentsChar,
    RemoveNulls,
    RemoveWhitespace,
    ReplaceComments,
    ReplaceNulls,
    Sha1,
    SqlHexDecode,
    Trim,
    TrimLeft,
    TrimRight,
    Uppercase,
    UrlDecode,
    UrlDecodeUni,
    UrlEncode,
    Utf8ToUnicode,
}

/// Every spelling, in lower case. Both spellings of "normalise" are in use.
const NAMES: [(&str, Transform); 37] = [
    ("base64decode", Transform::Base64Decode),
    ("base64decodeext", Transform::Base64DecodeExt),
    ("base64encode", Transform::Base64Encode),
    ("cmdline", Transform::CmdLine),
    ("compresswhitespace", Transform::CompressWhitespace),
    ("cssdecode", Transform::CssDecode),
    ("escapeseqdecode", Transform::EscapeSeqDecode),
    ("hexdecode", Transform::HexDecode),
    ("hexencode", Transform::HexEncode),
    ("htmlentitydecode", Transform::HtmlEntityDecode),
    ("jsdecode", Transform::JsDecode),
    ("length", Transform::Length),
    ("lowercase", Transform::Lowercase),
    ("md5", Transform::Md5),
    ("normalizepath", Transform::NormalizePath),
    ("normalisepath", Transform::NormalizePath),
    ("normalizepathwin", Transform::NormalizePathWin),
    ("normalisepathwin", Transform::NormalizePathWin),
    ("parityeven7bit", Transform::ParityEven7Bit),
    ("parityodd7bit", Transform::ParityOdd7Bit),
    ("parityzero7bit", Transform::ParityZero7Bit),
    ("removecomments", Transform::RemoveComments),
    ("removecommentschar", Transform::RemoveCommentsChar),
    ("removenulls", Transform::RemoveNulls),
    ("removewhitespace", Transform::RemoveWhitespace),
    ("replacecomments", Transform::ReplaceComments),
    ("replacenulls", Transform::ReplaceNulls),
    ("sha1", Transform::Sha1),
    ("sqlhexdecode", Transform::SqlHexDecode),
    ("trim", Transform::Trim),
    ("trimleft", Transform::TrimLeft),
    ("trimright", Transform::TrimRight),
    ("uppercase", Transform::Uppercase),
    ("urldecode", Transform::UrlDecode),
    ("urldecodeuni", Transform::UrlDecodeUni),
    ("urlencode", Transform::UrlEncode),
    ("utf8tounicode", Transform::Utf8ToUnicode),
];

impl Transform {
    /// All of them.
    pub(crate) const ALL: &[Transform] = &[
        Self::Base64Decode,
        Self::Base64DecodeExt,
        Self::Base64Encode,
        Self::CmdLine,
        Self::CompressWhitespace,
        Self::CssDecode,
        Self::EscapeSeqDecode,
        Self::HexDecode,
        Self::HexEncode,
        Self::HtmlEntityDecode,
        Self::JsDecode,
        Self::Length,
        Self::Lowercase,
        Self::Md5,
        Self::NormalizePath,
        Self::NormalizePathWin,
        Self::ParityEven7Bit,
        Self::ParityOdd7Bit,
        Self::ParityZero7Bit,
        Self::RemoveComments,
        Self::RemoveCommentsChar,
        Self::RemoveNulls,
        Self::RemoveWhitespace,
        Self::ReplaceComments,
        Self::ReplaceNulls,
        Self::Sha1,
        Self::SqlHexDecode,
        Self::Trim,
        Self::TrimLeft,
        Self::TrimRight,
        Self::Uppercase,
        Self::UrlDecode,
        Self::UrlDecodeUni,
        Self::UrlEncode,
        Self::Utf8ToUnicode,
    ];

    /// The transformation of that name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        let (_, found) = NAMES.iter().find(|(spelling, _)| spelling.eq_ignore_ascii_case(name))?;
        Some(*found)
    }

    /// Transforms a value. `Cow::Borrowed` exactly if the result is byte-equal to the input: a plan may then skip what it already
    /// looked at.
    pub fn apply(self, input: &[u8]) -> Cow<'_, [u8]> {
        if !self.is_triggered(input) {
            return Cow::Borrowed(input);
        }
        let mut out = Vec::with_capacity(input.len());
        self.write(input, &mut out);
        if out == input { Cow::Borrowed(input) } else { Cow::Owned(out) }
    }

    /// Whether a value that holds only these bytes can come out different. A chain of which no member may change the bytes of a
    /// value leaves that value as it is.
    pub fn may_change(self, bytes: &ByteSet) -> bool {
        self.triggers().is_none_or(|triggers| triggers.intersects(bytes))
    }

    /// Whether the value holds a byte that matters. A few such bytes are looked for many at once.
    fn is_triggered(self, input: &[u8]) -> bool {
        match self {
            Self::CssDecode | Self::EscapeSeqDecode | Self::JsDecode => memchr::memchr(b'\\', input).is_some(),
            Self::HtmlEntityDecode => memchr::memchr(b'&', input).is_some(),
            Self::RemoveNulls | Self::ReplaceNulls => memchr::memchr(0, input).is_some(),
            Self::ReplaceComments => memchr::memchr(b'/', input).is_some(),
            Self::UrlDecode | Self::UrlDecodeUni => memchr::memchr2(b'%', b'+', input).is_some(),
            _ => self.triggers().is_none_or(|triggers| triggers.meets(input)),
        }
    }

    /// The bytes without which a value stays as it is; none if any value may change.
    const fn triggers(self) -> Option<&'static ByteSet> {
        Some(match self {
            Self::CmdLine => const { &ByteSet::new(b"\"'\\^ ,;\t\r\n").with(b'A', b'Z') },
            Self::CompressWhitespace | Self::Trim | Self::TrimLeft | Self::TrimRight => const { &text::WHITESPACE },
            Self::CssDecode | Self::EscapeSeqDecode | Self::JsDecode => const { &ByteSet::new(b"\\") },
            Self::HtmlEntityDecode => const { &ByteSet::new(b"&") },
            Self::Lowercase => const { &ByteSet::new(b"").with(b'A', b'Z') },
            Self::Uppercase => const { &ByteSet::new(b"").with(b'a', b'z') },
            Self::NormalizePath => const { &ByteSet::new(b"/.") },
            Self::NormalizePathWin => const { &ByteSet::new(b"/.\\") },
            Self::ParityZero7Bit => const { &ByteSet::new(b"").with(0x80, 0xff) },
            Self::RemoveComments => const { &ByteSet::new(b"/<-#") },
            Self::RemoveCommentsChar => const { &ByteSet::new(b"/*<-#") },
            Self::RemoveNulls | Self::ReplaceNulls => const { &ByteSet::new(b"\0") },
            Self::RemoveWhitespace => const { &text::REMOVED_WHITESPACE },
            Self::ReplaceComments => const { &ByteSet::new(b"/") },
            Self::SqlHexDecode => const { &ByteSet::new(b"xX") },
            Self::UrlDecode | Self::UrlDecodeUni => const { &ByteSet::new(b"%+") },
            Self::Utf8ToUnicode => const { &ByteSet::new(b"\0").with(0x80, 0xff) },
            Self::Base64Decode
            | Self::Base64DecodeExt
            | Self::Base64Encode
            | Self::HexDecode
            | Self::HexEncode
            | Self::Length
            | Self::Md5
            | Self::ParityEven7Bit
            | Self::ParityOdd7Bit
            | Self::Sha1
            | Self::UrlEncode => return None,
        })
    }

    fn write(self, input: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Base64Decode => encoding::base64_decode(input, encoding::Alphabet::Strict, out),
            Self::Base64DecodeExt => encoding::base64_decode(input, encoding::Alphabet::Forgiving, out),
            Self::Base64Encode => encoding::base64_encode(input, out),
            Self::CmdLine => text::cmd_line(input, out),
            Self::CompressWhitespace => text::compress_whitespace(input, out),
            Self::CssDecode => escape::css(input, out),
            Self::EscapeSeqDecode => escape::ansi_c(input, out),
            Self::HexDecode => encoding::hex_decode(input, out),
            Self::HexEncode => encoding::hex_encode(input, out),
            Self::HtmlEntityDecode => html::decode(input, out),
            Self::JsDecode => escape::javascript(input, out),
            Self::Length => out.extend_from_slice(input.len().to_string().as_bytes()),
            Self::Lowercase => out.extend(input.iter().map(u8::to_ascii_lowercase)),
            Self::Md5 => encoding::digest::<md5::Md5>(input, out),
            Self::NormalizePath => path::normalize(input, out),
            Self::NormalizePathWin => path::normalize_windows(input, out),
            Self::ParityEven7Bit => out.extend(input.iter().map(|&byte| encoding::with_parity(byte, 0))),
            Self::ParityOdd7Bit => out.extend(input.iter().map(|&byte| encoding::with_parity(byte, 1))),
            Self::ParityZero7Bit => out.extend(input.iter().map(|byte| byte & 0x7f)),
            Self::RemoveComments => comments::remove(input, out),
            Self::RemoveCommentsChar => comments::remove_marks(input, out),
            Self::RemoveNulls => out.extend(input.iter().filter(|&&byte| byte != 0)),
            Self::RemoveWhitespace => out.extend(input.iter().filter(|&&byte| !text::REMOVED_WHITESPACE.contains(byte))),
            Self::ReplaceComments => comments::replace(input, out),
            Self::ReplaceNulls => out.extend(input.iter().map(|&byte| if byte == 0 { b' ' } else { byte })),
            Self::Sha1 => encoding::digest::<sha1::Sha1>(input, out),
            Self::SqlHexDecode => encoding::sql_hex_decode(input, out),
            Self::Trim => out.extend_from_slice(text::trim_left(text::trim_right(input))),
            Self::TrimLeft => out.extend_from_slice(text::trim_left(input)),
            Self::TrimRight => out.extend_from_slice(text::trim_right(input)),
            Self::Uppercase => out.extend(input.iter().map(u8::to_ascii_uppercase)),
            Self::UrlDecode => url::decode(input, out),
            Self::UrlDecodeUni => url::decode_unicode(input, out),
            Self::UrlEncode => url::encode(input, out),
            Self::Utf8ToUnicode => utf8::to_unicode(input, out),
        }
    }
}

#[cfg(test)]
mod tests;
