//! How the database differs from what its migrations make.

use database::drift;

use super::{Told, Work};

/// How many differences a message names.
const NAMED: usize = 8;

impl Work {
    /// Compares, tells the first differences, and leaves all of them for the findings.
    pub(super) async fn drift(&self) -> Result<Told, Told> {
        let mut connection = self.connect("drift").await?;
        let found = drift::drift(&mut connection, &self.linked.history).await;
        if let Ok(found) = &found {
            self.linked.note_drift(&mut connection, &self.target, found).await;
        }
        connection.close().await;
        let found = found.map_err(|error| Told::error(&error, error.hint()))?;
        let coarse = found.coarse.map(|why| format!(" ({why})")).unwrap_or_default();
        if found.differences.is_empty() {
            return Ok(Told::info(format!(
                "{} is what its {} migrations make{coarse}.",
                self.target,
                found.versions.len()
            )));
        }
        let mut named: Vec<String> = found.differences.iter().take(NAMED).map(ToString::to_string).collect();
        let more = found.differences.len().saturating_sub(NAMED);
        if more > 0 {
            named.push(format!("{more} more"));
        }
        Ok(Told::warning(format!(
            "{} is not what its migrations make{coarse}: {}",
            self.target,
            named.join("; ")
        )))
    }
}
