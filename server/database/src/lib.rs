//! PostgreSQL servers: throw-away and linked. The only crate that talks to one.
