"""Checks the files in packaging/ that no compiler reads. Prints each problem and fails with one.

Arguments: the repository's folder. `cargo xtask check` installs what this program imports.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

import jsonschema
import kubernetes_validate
import promql_parser
import yaml

ROOT = pathlib.Path(sys.argv[1])
PACKAGING = ROOT / "packaging"
CHART = PACKAGING / "helm" / "portcullis"

# The release of Kubernetes whose schemas the manifests have to meet.
KUBERNETES = "1.31"

# Labels that Prometheus adds to every sample, and those of histograms and alerts.
ADDED_LABELS = {"__name__", "instance", "job", "namespace", "pod", "le"}

problems = []


def problem(place, text):
    problems.append(f"{place}: {text}")


def documents(text):
    """Returns the documents of a YAML text, without empty ones."""
    return [document for document in yaml.safe_load_all(text) if document]


def check_objects(place, text):
    """Checks objects of Kubernetes. Skips kinds of other projects, which have no schema here."""
    for document in documents(text):
        group = document["apiVersion"].split("/")[0]
        if "." in group and not group.endswith("k8s.io"):
            continue
        if document["kind"] == "Kustomization":
            continue
        try:
            kubernetes_validate.validate(document, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            problem(place, f"{document['kind']}: {error.message}")


def merged(base, over):
    """Returns values as helm merges them: mappings key by key, everything else replaced."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    keys = base.keys() | over.keys()
    values = {
        key: merged(base.get(key), over[key]) if key in over else base[key] for key in keys
    }
    # `null` removes a key.
    return {key: value for key, value in values.items() if value is not None}


def check_values():
    """Checks that the schema accepts what it should, and refuses each fixture for its reason."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    fixtures = PACKAGING / "helm" / "fixtures"
    usual = merged(defaults, yaml.safe_load((fixtures / "accepted" / "usual.yaml").read_text()))
    for file in sorted((fixtures / "accepted").glob("*.yaml")):
        values = merged(defaults, yaml.safe_load(file.read_text()))
        for error in validator.iter_errors(values):
            problem(file.name, f"refused: {error.json_path}: {error.message}")
    places = set()
    for file in sorted((fixtures / "refused").glob("*.yaml")):
        text = file.read_text()
        # The first line says which value is refused: `# refused: $.image.tag`.
        expected = text.splitlines()[0].removeprefix("# refused: ")
        values = merged(usual, yaml.safe_load(text))
        found = {error.json_path for error in validator.iter_errors(values)}
        if found != {expected}:
            problem(file.name, f"should be refused for {expected} alone, not {sorted(found)}")
        places.add(expected)
    for name in schema["required"]:
        if not any(place == "$" or place.startswith(f"$.{name}") for place in places):
            problem("refused", f"no fixture for `{name}`")


def check_chart():
    """Renders the chart with helm, if this machine has it, and checks the objects."""
    helm = shutil.which("helm")
    if helm is None:
        print("helm: n/a: no helm on PATH")
        return
    fixtures = PACKAGING / "helm" / "fixtures"
    usual = fixtures / "accepted" / "usual.yaml"
    for file in sorted(fixtures.glob("*/*.yaml")):
        accepted = file.parent.name == "accepted"
        command = [helm, "template", "sample", CHART, "--kube-version", KUBERNETES]
        # Those that are refused change one value of the usual ones.
        for values in [file] if accepted else [usual, file]:
            command += ["--values", values]
        run = subprocess.run(command, capture_output=True, text=True)
        if accepted:
            if run.returncode != 0:
                problem(file.name, run.stderr)
            else:
                check_objects(file.name, run.stdout)
        elif run.returncode == 0:
            problem(file.name, "helm accepts it")


def check_container():
    """Checks the Containerfile with hadolint, and the properties that it does not know."""
    file = PACKAGING / "container" / "Containerfile"
    # It lies next to the packages that this program imports.
    hadolint = pathlib.Path(jsonschema.__file__).parents[1] / "bin" / "hadolint"
    run = subprocess.run([hadolint, "--no-color", file], capture_output=True, text=True)
    if run.returncode != 0:
        problem(file.name, run.stdout + run.stderr)
    lines = file.read_text().splitlines()
    if not any(re.fullmatch(r"USER [1-9][0-9]*:[1-9][0-9]*", line) for line in lines):
        problem(file.name, "no user that is a number other than 0")
    if any(line.split(" ")[0] in ("RUN", "ADD", "VOLUME") for line in lines):
        problem(file.name, "RUN, ADD and VOLUME have no place in an image without a shell")


def metrics():
    """Returns the names of the exported samples with their labels, as the reference lists them."""
    found = {}
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    for line in page.splitlines():
        row = re.match(r"\| (`[^|]*)\|([^|]*)\|([^|]*)\|", line)
        if row is None:
            continue
        names = re.findall(r"`(\w+)`", row[1])
        kinds = [kind.strip() for kind in row[2].split(",")]
        labels = set(re.findall(r"`(\w+)`", row[3]))
        for index, name in enumerate(names):
            kind = kinds[min(index, len(kinds) - 1)]
            if kind == "counter":
                exported = [f"{name}_total"]
            elif kind == "histogram":
                exported = [f"{name}_bucket", f"{name}_sum", f"{name}_count"]
            else:
                exported = [name]
            found.update({f"portcullis_{name}": labels for name in exported})
    return found


def selectors(expression):
    """Returns the selectors of an expression, those of ranges included."""
    found = []

    def visit(node):
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        elif isinstance(node, promql_parser.MatrixSelector):
            found.append(node.vector_selector)
        return True

    promql_parser.walk(expression, visit)
    return found


def check_expression(place, text, known):
    """Checks that an expression is PromQL over metrics that the host exports."""
    # Grafana replaces its variables before Prometheus reads the expression.
    plain = text.replace("$__rate_interval", "5m").replace("$instance", ".*")
    try:
        expression = promql_parser.parse(plain)
    except ValueError as error:
        problem(place, f"`{text}`: {error}")
        return
    labels = set(ADDED_LABELS)
    for selector in selectors(expression):
        if selector.name not in known and selector.name != "up":
            problem(place, f"`{selector.name}` is not in docs/reference/metrics.md")
            continue
        own = known.get(selector.name, set())
        labels |= own
        for matcher in selector.matchers.matchers:
            if matcher.name not in own | ADDED_LABELS:
                problem(place, f"`{selector.name}` has no label `{matcher.name}`")
    for grouped in re.findall(r"\b(?:by|without|on|ignoring) ?\(([^)]*)\)", plain):
        for label in re.findall(r"\w+", grouped):
            if label not in labels:
                problem(place, f"`{text}` groups by `{label}`, which none of its metrics has")


def check_monitoring():
    """Checks the alert rules and the dashboard."""
    known = metrics()
    rules = yaml.safe_load((PACKAGING / "prometheus" / "alerts.yaml").read_text())
    runbook = (ROOT / "docs" / "guide" / "runbook.md").read_text()
    for group in rules["groups"]:
        for rule in group["rules"]:
            place = f"alert {rule['alert']}"
            check_expression(place, rule["expr"], known)
            if rule["labels"]["severity"] not in ("critical", "warning"):
                problem(place, "severity is neither critical nor warning")
            if f"\n### {rule['alert']}\n" not in runbook:
                problem(place, "docs/guide/runbook.md has no section of this name")
            if not rule["annotations"]["runbook_url"].endswith(f"#{rule['alert'].lower()}"):
                problem(place, "runbook_url does not name the section of this alert")
    dashboard = json.loads((PACKAGING / "grafana" / "portcullis.json").read_text())
    identities = [panel["id"] for panel in dashboard["panels"]]
    if len(set(identities)) != len(identities):
        problem("dashboard", "two panels have the same id")
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            check_expression(f"panel {panel['title']}", target["expr"], known)


for file in sorted((PACKAGING / "kubernetes").glob("*.yaml")):
    check_objects(file.name, file.read_text())
check_values()
check_chart()
check_container()
check_monitoring()
for line in problems:
    print(line, file=sys.stderr)
sys.exit(1 if problems else 0)
