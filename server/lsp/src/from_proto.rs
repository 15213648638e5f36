//! The protocol's addresses and positions as paths and byte offsets.

use std::path::PathBuf;

use project::files::clean;
use tower_lsp::ls_types::{self as proto, Uri};

use crate::position::Position;

/// The file that an address names; `None` where it names none (`untitled:`, `git:`).
pub(crate) fn path(uri: &Uri) -> Option<PathBuf> {
    let is_file = uri.scheme().as_str().eq_ignore_ascii_case("file");
    let path = uri.to_file_path().filter(|path| is_file && path.is_absolute())?;
    Some(clean(&path))
}

/// A position in this server's own terms.
pub(crate) fn position(position: proto::Position) -> Position {
    Position {
        line: position.line,
        character: position.character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_have_paths() {
        let path = |uri: &str| path(&uri.parse().expect("an address"));
        assert_eq!(path("untitled:1.sql"), None);
        assert_eq!(path("git:/1.sql"), None);
        if cfg!(unix) {
            assert_eq!(path("file:///a%20b/../%C3%A9.sql"), Some(PathBuf::from("/é.sql")));
        }
    }
}
