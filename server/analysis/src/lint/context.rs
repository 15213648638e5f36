//! What a rule may look at, and where it puts its findings.

/// What a rule looks at.
pub struct Cx<'a> {
    /// The settings in force.
    pub settings: &'a crate::settings::Settings,
}

/// Where a rule puts its findings.
#[derive(Default)]
pub struct Report {
    /// What was found.
    pub(crate) findings: Vec<super::diagnostic::Diagnostic>,
}
