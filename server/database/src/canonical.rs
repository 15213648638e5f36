//! Reads a database's catalogs as flat, comparable rows.
