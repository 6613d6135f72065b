//! `portcullis doctor`: looks for everything that keeps a host and its servers from deciding
//! logins, and says how to mend it.

mod arguments;
mod checks;
mod evidence;
mod finding;
mod fix;
mod gather;
mod report;
mod server_conf;
#[cfg(test)]
mod tests;

use crate::failure::Failure;
use crate::output::{Output, Print, render_json};
use crate::runtime::one_thread;
use fix::Fixes;
use report::Report;

pub(crate) use arguments::DoctorArguments;

/// Gathers evidence and reports what it shows. Prints with `print` what an operator at a terminal
/// has to see before an answer.
///
/// # Errors
///
/// Fails if no runtime is made, or if the report cannot be printed or encoded.
pub(crate) fn doctor(arguments: &DoctorArguments, print: Print) -> Result<Output, Failure> {
    let runtime = one_thread()?;
    let evidence = runtime.block_on(gather::gather(arguments));
    let report = checks::run(&evidence);
    if !arguments.fix {
        return output(&report, None, arguments.json);
    }
    let mut fixes = Fixes::plan(&evidence, &report, arguments.server_conf.as_deref());
    if arguments.write {
        fixes.apply(evidence.now);
    } else if !arguments.json && !fixes.is_empty() && fix::is_at_terminal() {
        print(&format!("{}\n{}", report.to_text(), fixes.diffs()))?;
        if fix::is_confirmed() {
            fixes.apply(evidence.now);
        }
        return Ok(Output {
            text: fixes.to_text(),
            code: fixes.code(&report),
        });
    }
    output(&report, Some(&fixes), arguments.json)
}

/// Returns the output of the command.
fn output(report: &Report, fixes: Option<&Fixes>, json: bool) -> Result<Output, Failure> {
    let code = fixes.map_or_else(|| report.code(), |fixes| fixes.code(report));
    let text = if json {
        let mut object = report.to_json();
        if let (Some(fixes), Some(fields)) = (fixes, object.as_object_mut()) {
            let (made, left) = fixes.to_json();
            fields.insert("fixes".to_owned(), made);
            fields.insert("left_to_you".to_owned(), left);
        }
        render_json(&object)?
    } else {
        let more = fixes.map(|fixes| format!("\n{}\n{}", fixes.diffs(), fixes.to_text()));
        format!("{}{}", report.to_text(), more.unwrap_or_default())
    };
    Ok(Output { text, code })
}
