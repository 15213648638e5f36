//! Between byte offsets and what editors send. The only crate that will name an editor's protocol; today it converts
//! positions, and the language server is still to be written on top of it.

pub mod position;
