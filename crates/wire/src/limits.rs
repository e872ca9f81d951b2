//! How large a head, a line and a trailer section may be.

/// Upper bounds on what is read before a message is refused. All in bytes or counts; none may be zero.
///
/// The defaults leave room for the largest cookies browsers send (about 4 KiB each, several per site) and for tokens of single
/// sign-on providers, and are near what gunicorn, uvicorn and nginx accept, so that the app never sees a head it would refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The whole head: request line, fields and the empty line. 431 beyond it.
    pub head_bytes_max: usize,
    /// The request-target. 414 beyond it.
    pub target_bytes_max: usize,
    /// Field lines in a head. 431 beyond it.
    pub headers_max: usize,
    /// One field line, name and value. 431 beyond it.
    pub header_bytes_max: usize,
    /// The whole trailer section of a chunked body.
    pub trailer_bytes_max: usize,
    /// Field lines in a trailer section.
    pub trailers_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes_max: 32 * 1024,
            target_bytes_max: 8 * 1024,
            headers_max: 100,
            header_bytes_max: 16 * 1024,
            trailer_bytes_max: 8 * 1024,
            trailers_max: 32,
        }
    }
}
