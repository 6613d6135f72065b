//! `portcullis system ping` and `servers`: what servers say of themselves.

use portcullis_system::{
    Gathered, Refusal, Reply, ReplyError, Service, StatszRequest, VarzRequest,
};
use serde_json::{Value, json};

use super::common::{ServersArguments, connect, failed};
use super::table::{self, Align};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Print;

/// Prints the answer time of each server.
///
/// # Errors
///
/// Fails if fewer servers answer than expected, or one answers with an error.
pub(super) async fn ping(arguments: ServersArguments, print: Print) -> Result<ExitCode, Failure> {
    let columns = [
        ("SERVER", Align::Left),
        ("CLUSTER", Align::Left),
        ("TIME", Align::Right),
        ("ID", Align::Left),
    ];
    gather(arguments, &StatszRequest {}, columns, print, |reply, _| {
        let server = &reply.server;
        [
            server.name.clone(),
            server.cluster.clone().unwrap_or_default(),
            format!("{:.1} ms", reply.elapsed.as_secs_f64() * 1000.0),
            server.id.clone(),
        ]
    })
    .await
}

/// Prints the release, the load and the age of each server.
///
/// # Errors
///
/// Fails if fewer servers answer than expected, or one answers with an error.
pub(super) async fn servers(
    arguments: ServersArguments,
    print: Print,
) -> Result<ExitCode, Failure> {
    let columns = [
        ("SERVER", Align::Left),
        ("RELEASE", Align::Left),
        ("CLUSTER", Align::Left),
        ("CLIENTS", Align::Right),
        ("SUBSCRIPTIONS", Align::Right),
        ("MEMORY", Align::Right),
        ("CPU", Align::Right),
        ("UPTIME", Align::Right),
        ("ID", Align::Left),
    ];
    gather(arguments, &VarzRequest {}, columns, print, |reply, varz| {
        let server = &reply.server;
        [
            server.name.clone(),
            varz.version.clone(),
            server.cluster.clone().unwrap_or_default(),
            varz.connections.to_string(),
            varz.subscriptions.to_string(),
            table::size(varz.memory),
            format!("{:.1} %", varz.cpu),
            varz.uptime.clone(),
            server.id.clone(),
        ]
    })
    .await
}

/// Asks all servers, and prints a row or an object for each answer.
async fn gather<R: Service<Answer: serde::Serialize>, const COLUMNS: usize>(
    arguments: ServersArguments,
    request: &R,
    columns: [(&str, Align); COLUMNS],
    print: Print,
    row: impl Fn(&Reply<R::Answer>, &R::Answer) -> [String; COLUMNS],
) -> Result<ExitCode, Failure> {
    let filter = arguments.filter();
    let end = arguments.gathering;
    let (_connection, system) = connect(arguments.common.connection).await?;
    let gathered = system.ask_all(request, &filter, end.end()).await;
    let mut gathered = gathered.map_err(failed)?;
    gathered
        .replies
        .sort_by(|a, b| a.server.name.cmp(&b.server.name));
    if arguments.common.json {
        for reply in &gathered.replies {
            print(&format!("{}\n", to_json(reply)?))?;
        }
    } else {
        let answered = gathered.replies.iter();
        let rows: Vec<_> = answered
            .filter_map(|reply| Some(row(reply, reply.result.as_ref().ok()?)))
            .collect();
        if !rows.is_empty() {
            print(&table::render(columns, &rows))?;
        }
    }
    end.check(&gathered)?;
    first_error(gathered)
}

/// Returns the answer of a server as an object: `server`, `elapsed_ms`, and `data` or `error`.
fn to_json<T: serde::Serialize>(reply: &Reply<T>) -> Result<Value, Failure> {
    let mut object = json!({
        "server": reply.server,
        "elapsed_ms": reply.elapsed.as_secs_f64() * 1000.0,
    });
    let (name, value) = match &reply.result {
        Ok(data) => ("data", serde_json::to_value(data)),
        Err(ReplyError::Refused(refusal)) => ("error", serde_json::to_value(refusal)),
        Err(error) => {
            let description = portcullis_core::with_causes(error);
            let refusal = Refusal {
                description,
                ..Refusal::default()
            };
            ("error", serde_json::to_value(refusal))
        }
    };
    let value = value.map_err(Failure::internal)?;
    if let Value::Object(fields) = &mut object {
        fields.insert(name.to_owned(), value);
    }
    Ok(object)
}

/// Returns success if no server answered with an error.
fn first_error<T>(gathered: Gathered<T>) -> Result<ExitCode, Failure> {
    let failed = gathered
        .replies
        .into_iter()
        .find_map(|reply| Some((reply.server.name, reply.result.err()?)));
    match failed {
        None => Ok(ExitCode::Success),
        Some((server, error)) => {
            let error = anyhow::Error::new(error).context(format!("server `{server}`"));
            Err(Failure::new(ExitCode::Refused, error))
        }
    }
}
