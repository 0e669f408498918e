//! A server that is reached by TLS.

use std::path::Path;
use std::process::{Command, Stdio};

use super::machine::in_real_time;
use super::redis_server::free_port;
use super::skipped;
use super::*;
use crate::rate::Rate;

/// Where the child finds the server.
const URL: &str = "RATE_LIMITED_TLS_URL";

fn openssl(dir: &Path, words: &str) -> bool {
    let mut command = Command::new("openssl");
    command.args(words.split(' ')).current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// An authority, and a certificate of its for `localhost`.
fn certificates(dir: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    std::fs::write(dir.join("ext"), "subjectAltName=DNS:localhost\n").unwrap();
    for words in [
        &format!("req -x509 {key} -keyout ca.key -out ca.crt -subj /CN=authority"),
        &format!("req {key} -keyout server.key -out server.csr -subj /CN=localhost"),
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -days 2 -out server.crt -extfile ext",
    ] {
        assert!(openssl(dir, words), "openssl {words}");
    }
}

/// In a process of its own, which trusts the authority as a system does.
#[test]
fn a_server_is_reached_by_tls_if_the_system_trusts_it() {
    in_real_time(|| {
        let dir = tempfile::tempdir().unwrap();
        if !openssl(dir.path(), "version") {
            skipped::for_want_of("`openssl`, which makes the certificates, is not installed");
            return;
        }
        certificates(dir.path());
        let path = |name: &str| dir.path().join(name).display().to_string();
        let port = free_port().to_string();
        let options =
            ["--tls-port", &port, "--tls-auth-clients", "no", "--tls-cert-file", &path("server.crt")];
        let keys = ["--tls-key-file", &path("server.key"), "--tls-ca-cert-file", &path("ca.crt")];
        let Some(server) = RedisServer::start_with(&[&options[..], &keys[..]].concat()) else { return };
        for (authority, is_trusted) in [(path("ca.crt"), true), (path("server.key"), false)] {
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", "store::redis::tests::tls::child", "--ignored"]);
            child.env("SSL_CERT_FILE", authority).env(URL, format!("rediss://localhost:{port}"));
            let done = child.output().unwrap();
            let said = String::from_utf8_lossy(&done.stdout);
            assert_eq!(done.status.success(), is_trusted, "{said}");
            assert!(is_trusted || said.contains("redis at localhost"), "{said}");
        }
        wrong_ends(&server, &port);
    });
}

/// Who speaks TLS to what does not, or the other way round, or is not trusted, is told so.
fn wrong_ends(server: &RedisServer, port: &str) {
    let told = |url: &str, millis| {
        let store = RedisStore::connect(url).unwrap().timeout(Duration::from_millis(millis));
        let bucket = crate::Bucket::named("api", Rate::per_second(10)).store(store);
        let said = format!("{:#}", bucket.try_acquire().unwrap_err());
        said.strip_prefix("bucket `api` is kept in a store that does not answer: ").unwrap().to_owned()
    };
    let said = told(&format!("redis://localhost:{port}"), 10_000);
    let closed = "it was closed before any reply, as by what is no Redis server, or one by TLS (`rediss://` in its URL)";
    assert!(said.starts_with(closed), "{said}");
    assert_eq!(
        told(&format!("rediss://localhost:{port}"), 10_000),
        format!(
            "the system does not trust its certificate, or not for that name: redis at localhost:{port}: the connection \
             was lost: invalid peer certificate: UnknownIssuer"
        )
    );
    let plain = server.port();
    assert_eq!(
        told(&format!("rediss://localhost:{plain}"), 500),
        format!(
            "one without TLS says nothing to `rediss://`: write `redis://` in its URL for that: redis at \
             localhost:{plain}: the server did not answer within 500ms"
        )
    );
}

#[test]
#[ignore = "it is started by the test above"]
fn child() {
    let store = RedisStore::connect(&std::env::var(URL).unwrap()).unwrap();
    let plan = plan(&[Guarded { rate: Rate::per_hour(5), guard: 0 }]);
    let acquire = Acquire { weight: 1, after: 0, slack: 0, allowance: 0, reserves: true };
    let asks: Vec<_> =
        (0..9).map(|_| Ask::of(vec![part("api", None, &plan)], Verb::Acquire(acquire))).collect();
    let answers = store.play(&asks, Duration::from_secs(10));
    let granted = answers.iter().filter(|answer| match answer {
        Ok(Answer(said)) => matches!(said, Said::Granted { .. }),
        Err(why) => panic!("{why}"),
    });
    assert_eq!(granted.count(), 5);
}
