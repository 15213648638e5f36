//! Migration folders and configuration on disk. Knows no database and no editor.
