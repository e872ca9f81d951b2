//! Bounded push readers of queries, forms, multipart, JSON, XML and cookies, as Python frameworks read them.
