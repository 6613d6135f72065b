//! Metrics of the policy directory and of the state directory.

use portcullis_catalog::CatalogNumbers;
use portcullis_core::{PolicyName, Sample};

/// Label of files whose name is no policy name. No policy can have this name.
const MISNAMED: &str = "(misnamed)";

/// Returns metrics of reading, refusing and keeping policies.
pub(crate) fn samples(numbers: &CatalogNumbers) -> Vec<Sample> {
    let mut samples = directory(numbers);
    samples.extend(rejections(numbers));
    samples.extend(state(numbers));
    samples
}

fn directory(numbers: &CatalogNumbers) -> Vec<Sample> {
    let mut samples = vec![
        flag(
            "policy_directory_failing",
            "Whether the policy directory could not be read the last time, 0 or 1",
            numbers.directory_failing,
        ),
        Sample::whole(
            "policy_files_exposed",
            "How many of the policy directory and its files every user of the machine may write to",
            numbers.exposed.len(),
        ),
    ];
    samples.extend(numbers.directory_read_at.map(|time| {
        Sample::whole(
            "policy_directory_read_timestamp_seconds",
            "When the policy directory was last read, in seconds since the Unix epoch",
            time,
        )
    }));
    samples.extend(numbers.policies_read_at.iter().map(|(name, time)| {
        let help = "When the files of this policy were last read, in seconds since the Unix epoch";
        Sample::whole("policy_read_timestamp_seconds", help, *time).with("policy", name.as_str())
    }));
    samples
}

fn rejections(numbers: &CatalogNumbers) -> impl Iterator<Item = Sample> {
    let by_name = numbers
        .rejections
        .iter()
        .map(|(name, count)| (PolicyName::as_str(name), *count));
    by_name
        .chain([(MISNAMED, numbers.misnamed)])
        .map(|(name, count)| {
            let help = "Versions of a policy that were refused";
            Sample::counter("policy_rejections", help, count).with("policy", name)
        })
}

fn state(numbers: &CatalogNumbers) -> Vec<Sample> {
    let Some(usable) = numbers.state_usable else {
        return Vec::new();
    };
    vec![
        flag(
            "state_directory_usable",
            "Whether the state directory is trusted and this host's, 0 or 1",
            usable,
        ),
        Sample::counter(
            "state_write_failures",
            "How often a version or the status could not be written to the state directory",
            numbers.state_write_failures,
        ),
        Sample::whole(
            "policies_not_kept",
            "How many policies serve a version that is not kept in the state directory",
            numbers.not_kept.len(),
        ),
        flag(
            "status_stale",
            "Whether status.json tells of an earlier state, 0 or 1",
            numbers.status_stale,
        ),
    ]
}

fn flag(name: &'static str, help: &'static str, value: bool) -> Sample {
    Sample::gauge(name, help, if value { 1.0 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_the_directories_changes_a_number() {
        let mut numbers = CatalogNumbers::default();
        let name: PolicyName = "users".parse().unwrap();
        numbers.rejections.insert(name.clone(), 2);
        numbers.directory_failing = true;
        numbers.directory_read_at = Some(1_800_000_000);
        numbers.state_usable = Some(false);
        numbers.state_write_failures = 3;
        numbers.not_kept.insert(name);
        numbers.status_stale = true;
        let told: Vec<String> = samples(&numbers)
            .iter()
            .map(|sample| {
                let label = sample.labels.first().map(|(_, label)| label.as_str());
                let label = label.unwrap_or_default();
                format!("{} {label} {:?}", sample.name, sample.value)
            })
            .collect();
        assert_eq!(
            told,
            [
                "policy_directory_failing  Gauge(1.0)",
                "policy_files_exposed  Gauge(0.0)",
                "policy_directory_read_timestamp_seconds  Gauge(1800000000.0)",
                "policy_rejections users Counter(2)",
                "policy_rejections (misnamed) Counter(0)",
                "state_directory_usable  Gauge(0.0)",
                "state_write_failures  Counter(3)",
                "policies_not_kept  Gauge(1.0)",
                "status_stale  Gauge(1.0)",
            ]
        );
        assert!(
            !samples(&CatalogNumbers::default())
                .iter()
                .any(|sample| sample.name == "status_stale")
        );
    }
}
