//! The server's own words: the records of its log that one of its processes wrote.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::cluster::{JSON_LOG, RECORDS};
use crate::connection::Connection;

/// How long the server's log writer may lag behind.
const PATIENCE: Duration = Duration::from_secs(10);
const MARK: &str = "dblsp has read up to here: ";

/// A log that is read as it grows.
#[derive(Debug)]
pub(super) struct Records {
    path: PathBuf,
    form: Form,
    offset: u64,
    rest: Vec<u8>,
    marks: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
}

impl Records {
    /// The log of the server whose files are in `folder`.
    pub(super) fn open(folder: &Path, major: u32) -> Self {
        let (form, extension) = if major < JSON_LOG {
            (Form::Csv, "csv")
        } else {
            (Form::Json, "json")
        };
        let path = folder.join(format!("{RECORDS}.{extension}"));
        Self {
            // What was written before is about others.
            offset: std::fs::metadata(&path).map_or(0, |file| file.len()),
            path,
            form,
            rest: Vec::new(),
            marks: 0,
        }
    }

    /// What the session's process wrote since this was last asked. The session must not be in a failed transaction.
    pub(super) async fn messages(&mut self, session: &mut Connection) -> io::Result<Vec<String>> {
        self.marks += 1;
        let mark = format!("{MARK}{}", self.marks);
        let raise = format!("DO LANGUAGE plpgsql 'BEGIN RAISE LOG ''{mark}''; END'");
        session.execute(&raise).await.map_err(io::Error::other)?;
        let begin = Instant::now();
        let mut found = Vec::new();
        loop {
            for (process, message) in self.more()? {
                if process != session.backend() {
                    continue;
                }
                if message == mark {
                    return Ok(found);
                }
                found.push(message);
            }
            if begin.elapsed() > PATIENCE {
                return Err(io::Error::other("the server writes nothing"));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Whole records that have been written since.
    fn more(&mut self) -> io::Result<Vec<(i32, String)>> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            // The log writer opens it with the first record.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(self.offset))?;
        self.offset += file.read_to_end(&mut self.rest)? as u64;
        let mut records = Vec::new();
        while let Some(end) = self.form.end(&self.rest) {
            let record: Vec<u8> = self.rest.drain(..end).collect();
            records.extend(self.form.read(&String::from_utf8_lossy(&record)));
        }
        Ok(records)
    }
}

impl Form {
    /// The length of the first record with its line end, if all of it is there. CSV keeps line ends inside of quotes.
    fn end(self, bytes: &[u8]) -> Option<usize> {
        let mut quoted = false;
        let is_end = |byte: &u8| {
            quoted ^= self == Self::Csv && *byte == b'"';
            *byte == b'\n' && !quoted
        };
        bytes.iter().position(is_end).map(|at| at + 1)
    }

    /// Process and message of a record.
    fn read(self, record: &str) -> Option<(i32, String)> {
        match self {
            Self::Json => {
                let record: serde_json::Value = serde_json::from_str(record).ok()?;
                let process = record["pid"].as_i64()?;
                let message = record["message"].as_str().unwrap_or_default();
                Some((i32::try_from(process).ok()?, message.to_owned()))
            }
            // https://www.postgresql.org/docs/14/runtime-config-logging.html#RUNTIME-CONFIG-LOGGING-CSVLOG
            Self::Csv => {
                let fields = csv(record);
                Some((fields.get(3)?.parse().ok()?, fields.get(13)?.clone()))
            }
        }
    }
}

/// The fields of one record of CSV.
fn csv(record: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = record.trim_end_matches('\n').chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            letter => field.push(letter),
        }
    }
    fields.push(field);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_keeps_commas_quotes_and_line_ends_in_quotes() {
        assert_eq!(csv("a,\"b, \"\"c\"\"\nd\",,e\n"), ["a", "b, \"c\"\nd", "", "e"]);
    }

    #[test]
    fn a_record_ends_where_its_quotes_are_closed() {
        assert_eq!(Form::Csv.end(b"a,\"b\nc\",d\ne"), Some(10));
        assert_eq!(Form::Csv.end(b"a,\"b\nc"), None);
        assert_eq!(Form::Json.end(b"{\"message\":\"it's \\\"x\"}\n"), Some(23));
    }

    #[test]
    fn process_and_message_are_read_from_both_forms() {
        let json = r#"{"timestamp":"2026-01-01 00:00:00.000 UTC","pid":42,"message":"verifying table \"t\""}"#;
        assert_eq!(Form::Json.read(json), Some((42, "verifying table \"t\"".to_owned())));
        let csv = "2026-01-01 00:00:00.000 UTC,\"u\",\"d\",42,\"[local]\",1.2,3,\"ALTER TABLE\",2026-01-01,3/4,735,DEBUG,\
                   00000,\"verifying table \"\"t\"\"\",,,,,,,,,\"\",\"client backend\",,0\n";
        assert_eq!(Form::Csv.read(csv), Some((42, "verifying table \"t\"".to_owned())));
    }
}
