//! Metrics of every file that is read again.

use portcullis_core::Sample;
use portcullis_files::FileStatus;

/// Returns the time of each file's last read, and whether that failed.
pub(crate) fn samples(files: &[FileStatus]) -> Vec<Sample> {
    files.iter().flat_map(of_one).collect()
}

fn of_one(status: &FileStatus) -> Vec<Sample> {
    let flag = |name, help, value| Sample::gauge(name, help, if value { 1.0 } else { 0.0 });
    let mut samples = vec![
        flag(
            "file_failing",
            "Whether the last attempt to read this file failed, 0 or 1",
            status.error.is_some(),
        ),
        flag(
            "file_exposed",
            "Whether every user of the machine may write to this file, 0 or 1",
            status.exposed,
        ),
    ];
    samples.extend(status.read_at.map(|time| {
        Sample::whole(
            "file_read_timestamp_seconds",
            "When this file was last read or seen to be unchanged, in seconds since the Unix epoch",
            time,
        )
    }));
    samples
        .into_iter()
        .map(|sample| sample.with("file", status.path.display().to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_fails_keeps_the_time_of_its_last_read() {
        let status = |path: &str, read_at, error: Option<&str>| FileStatus {
            path: path.into(),
            read_at,
            error: error.map(str::to_owned),
            exposed: path == "/good",
        };
        let files = [
            status("/good", Some(1_800_000_000), None),
            status("/hangs", Some(1_700_000_000), Some("is a FIFO")),
            status("/never", None, Some("does not exist")),
        ];
        let told: Vec<String> = samples(&files)
            .iter()
            .map(|sample| {
                let (_, file) = sample.labels.first().unwrap();
                format!("{file} {} {:?}", sample.name, sample.value)
            })
            .collect();
        assert_eq!(
            told,
            [
                "/good file_failing Gauge(0.0)",
                "/good file_exposed Gauge(1.0)",
                "/good file_read_timestamp_seconds Gauge(1800000000.0)",
                "/hangs file_failing Gauge(1.0)",
                "/hangs file_exposed Gauge(0.0)",
                "/hangs file_read_timestamp_seconds Gauge(1700000000.0)",
                "/never file_failing Gauge(1.0)",
                "/never file_exposed Gauge(0.0)",
            ]
        );
    }
}
