//! Bounded push readers of queries, forms, multipart, JSON, XML and cookies, as Python frameworks read them.
//!
//! A filter that reads a request otherwise than the app behind it inspects a request nobody will act on. So each reader here
//! gives **one** reading, and says by a typed [`Note`] wherever another reader could see something else.
//! [`Profile::agrees`] is the list of the notes that a framework is known to read as we do; everything not on that list is
//! to be refused or rewritten. The list is not an opinion: `tests/differential/` holds it against the frameworks themselves.
//!
//! What holds for every reader:
//! - the same events, the same set of notes and the same [`Stop`] for every way the input is cut into pieces (before a stop, more
//!   or less may have been said already);
//! - time linear in the input, memory bounded by [`Limits`], work bounded by the [`Budget`] all readers of a request share;
//! - bytes in, bytes out: nothing is assumed to be UTF-8, nothing hostile panics.
//!
//! ```
//! use gambeson_read::{Budget, Field, Flow, Limits, Note, Out, Place, Reader, Sink, UrlEncoded};
//!
//! #[derive(Default)]
//! struct Names(Vec<Vec<u8>>);
//! impl Sink for Names {
//!     fn field(&mut self, field: Field<'_>) -> Flow {
//!         self.0.push(field.name.to_vec());
//!         Flow::Continue
//!     }
//!     fn note(&mut self, _: Note) -> Flow {
//!         Flow::Continue
//!     }
//! }
//!
//! let (mut names, mut budget) = (Names::default(), Budget::new(100_000));
//! let mut out = Out { sink: &mut names, budget: &mut budget };
//! let mut reader = UrlEncoded::new(Place::Query, &Limits::default());
//! reader.feed(b"q=a%20b&pa", &mut out)?;
//! reader.feed(b"ge=2", &mut out)?;
//! reader.finish(&mut out)?;
//! assert_eq!(names.0, [b"q".to_vec(), b"page".to_vec()]);
//! # Ok::<(), gambeson_read::Stop>(())
//! ```

mod body;
mod budget;
mod cookie;
mod event;
mod graphql;
mod json;
mod media;
mod multipart;
mod note;
mod parameter;
mod path;
mod percent;
mod profile;
mod urlencoded;
mod xml;

pub use body::Body;
pub use budget::{Bound, Budget, Fault, Limits, Stop};
pub use cookie::read_cookies;
pub use event::{Field, Flow, Kind, Out, Part, PartEnd, PartHeader, Place, Reader, Sink};
pub use graphql::{GraphqlJson, GraphqlShape, read_graphql};
pub use json::Json;
pub use media::{MediaType, keeps_ascii};
pub use multipart::Multipart;
pub use note::{Note, Notes};
pub use path::read_path;
pub use percent::decode as percent_decode;
pub use profile::{Pick, Profile};
pub use urlencoded::UrlEncoded;
pub use xml::Xml;
