//! Certificates as files: what nginx serves and when it ends. A file that is named like a private key is never opened.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};
use walkdir::WalkDir;
use x509_cert::Certificate as X509;
use x509_cert::der::{DecodePem, Encode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::local;
use super::{Certificate, cannot, told};

/// Files that are looked at, levels below the folder, and bytes of one.
const MOST_FILES: usize = 10_000;
const DEEPEST: usize = 4;
const LARGEST: u64 = 1 << 20;

/// Reads every certificate below a folder, by its path there: `live/www.example.com/fullchain.pem`, or
/// `www.example.com/fullchain.pem` as nginx has them. Links are followed, as certbot's are.
pub(super) fn read(folder: &Path, faults: &mut Vec<String>) -> Result<BTreeMap<String, Certificate>, String> {
    let root = fs::canonicalize(folder).map_err(|e| cannot("read the folder", &e))?;
    fs::read_dir(&root).map_err(|e| cannot("read the folder", &e))?;
    let mut found = BTreeMap::new();
    for (count, entry) in WalkDir::new(&root).max_depth(DEEPEST).sort_by_file_name().into_iter().enumerate() {
        if count == MOST_FILES {
            faults.push(format!("expected at most {MOST_FILES} files, found more"));
            break;
        }
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = error.path().and_then(|p| p.strip_prefix(&root).ok()).unwrap_or(Path::new(""));
                let name = told(&path.to_string_lossy());
                let error = error.into_io_error().unwrap_or_else(|| std::io::ErrorKind::Other.into());
                faults.push(cannot(format_args!("read {name}"), &error));
                continue;
            }
        };
        let name = entry.path().strip_prefix(&root).unwrap_or(entry.path()).to_string_lossy().into_owned();
        // `archive` has every certificate there ever was; those in use are links to it.
        if entry.file_type().is_dir() || !may_be_one(entry.path()) || name.starts_with("archive/") {
            continue;
        }
        let real = fs::canonicalize(entry.path()).unwrap_or_default();
        if !may_be_one(&real) {
            continue;
        }
        match local::read(&real, LARGEST) {
            Ok(raw) => match one(&raw.bytes) {
                Some(Ok(certificate)) => drop(found.insert(name, certificate)),
                Some(Err(())) => {
                    faults.push(format!("expected a certificate in PEM, found another: {}", told(&name)))
                }
                None => {}
            },
            Err(error) => faults.push(cannot(format_args!("read {}", told(&name)), &error)),
        }
    }
    Ok(found)
}

/// Whether a file is called like a certificate, and not like a private key.
fn may_be_one(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_ascii_lowercase();
    let ends = [".pem", ".crt", ".cer", ".cert"].iter().any(|e| name.ends_with(e));
    // A chain by itself is the issuer's.
    ends && !name.contains("key") && !name.starts_with("chain")
}

/// The first certificate of a text, which is the one a server shows; `None` when there is none.
fn one(bytes: &[u8]) -> Option<Result<Certificate, ()>> {
    let text = String::from_utf8_lossy(bytes);
    let start = text.find("-----BEGIN CERTIFICATE-----")?;
    let end = text[start..].find("-----END CERTIFICATE-----")? + "-----END CERTIFICATE-----".len();
    let x509 = X509::from_pem(text[start..start + end].as_bytes()).map_err(|_| ());
    Some(x509.and_then(|x| certificate(&x).ok_or(())))
}

fn certificate(x509: &X509) -> Option<Certificate> {
    let body = x509.tbs_certificate();
    let names =
        body.get_extension::<SubjectAltName>().ok().flatten().map(|(_, names)| names.0).unwrap_or_default();
    let mut names: Vec<String> = names
        .into_iter()
        .filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
            GeneralName::IpAddress(bytes) => match bytes.as_bytes() {
                [a, b, c, d] => Some(std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string()),
                bytes => Some(std::net::Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_string()),
            },
            _ => None,
        })
        .collect();
    names.sort();
    names.dedup();
    let fingerprint = Sha256::digest(x509.to_der().ok()?).iter().map(|b| format!("{b:02x}")).collect();
    Some(Certificate {
        names,
        issuer: body.issuer().to_string(),
        self_signed: body.issuer() == body.subject(),
        ends: i64::try_from(body.validity().not_after.to_unix_duration().as_secs()).ok()?,
        fingerprint,
    })
}
