//! What every probe has at hand: the client, the app's description, sessions, and the few steps that attacks share.

use std::collections::HashMap;

use crate::app::{App, Login, User, Write, fill, fill_fields};
use crate::browser::{self, From, How};
use crate::client::Client;
use crate::cookies::{Jar, Trip};
use crate::encode;
use crate::evidence::Evidence;
use crate::http::{Request, Response};
use crate::probe::Failed;
use crate::target::Origin;

pub(crate) struct Context<'a> {
    pub(crate) client: Client,
    pub(crate) app: &'a App,
    pub(crate) evidence: Option<&'a dyn Evidence>,
    /// Of visitors, for the whole run.
    sessions: HashMap<String, Jar>,
    /// Of the attack that is being made, for it alone: what it brings upon its session the next attack and the visitors do not have.
    hostile: Option<HashMap<String, Jar>>,
}

/// A part of the app's description, or the reason why an attack cannot be made.
pub(crate) fn described<'a, T>(part: &'a Option<T>, name: &str) -> Result<&'a T, Failed> {
    part.as_ref().ok_or_else(|| Failed(format!("the description of the app has no [{name}]")))
}

impl<'a> Context<'a> {
    pub(crate) fn new(client: Client, app: &'a App, evidence: Option<&'a dyn Evidence>) -> Context<'a> {
        Context { client, app, evidence, sessions: HashMap::new(), hostile: None }
    }

    /// Who logs in from now on is a visitor.
    pub(crate) fn be_a_visitor(&mut self) {
        self.hostile = None;
    }

    /// Who logs in from now on does so for one attack.
    pub(crate) fn be_an_attacker(&mut self) {
        self.hostile = Some(HashMap::new());
    }

    fn sessions(&mut self) -> &mut HashMap<String, Jar> {
        self.hostile.as_mut().unwrap_or(&mut self.sessions)
    }

    pub(crate) fn origin(&self) -> Origin {
        self.client.target.origin.clone()
    }

    /// Sends a request as the browser of a visitor with these cookies would, made to do so by the page `from`.
    pub(crate) fn browse(&mut self, request: Request, jar: &Jar, from: &From, how: How) -> Result<Response, Failed> {
        let foreign = matches!(from, From::Foreign(_));
        let cookies = match (foreign, how, request.method) {
            (false, ..) => jar.header(Trip::SameSite),
            (true, How::Navigate, "GET") => jar.header(Trip::ForeignLink),
            (true, How::Navigate, _) => jar.header(Trip::ForeignForm),
            // Firefox and Safari keep third-party cookies apart, Chromium sends only SameSite=None: nothing to rely on.
            (true, ..) => None,
        };
        let mut request = browser::dress(request, &self.client.target.origin, from, how);
        if let Some(cookies) = cookies {
            request = request.header("Cookie", &cookies);
        }
        Ok(self.client.send(&request)?)
    }

    /// The visitor opens a page.
    pub(crate) fn visit(&mut self, path: &str, jar: &Jar) -> Result<Response, Failed> {
        self.browse(Request::get(path), jar, &From::Visitor, How::Navigate)
    }

    /// A script of the app's own page fetches something.
    pub(crate) fn fetch(&mut self, path: &str, jar: &Jar) -> Result<Response, Failed> {
        self.browse(Request::get(path), jar, &From::Own, How::Fetch)
    }

    pub(crate) fn victim(&self) -> Result<User, Failed> {
        described(&self.app.victim, "victim").cloned()
    }

    pub(crate) fn attacker(&self) -> Result<User, Failed> {
        described(&self.app.attacker, "attacker").cloned()
    }

    pub(crate) fn login(&self) -> Result<&'a Login, Failed> {
        described(&self.app.login, "login")
    }

    pub(crate) fn writing(&self) -> Result<&'a Write, Failed> {
        described(&self.app.write, "write")
    }

    /// The login form, filled in.
    pub(crate) fn login_form(&self, name: &str, password: &str) -> Result<Request, Failed> {
        let login = self.login()?;
        Ok(Request::form(&login.path, &fill_fields(&login.fields, &[("name", name), ("password", password)])))
    }

    /// Logs in through the app's own form; the answer, and the cookies a browser then has.
    pub(crate) fn log_in(&mut self, user: &User) -> Result<(Response, Jar), Failed> {
        let mut jar = Jar::default();
        let page = self.visit(&self.login()?.path, &jar)?;
        jar.keep(page.all("set-cookie"));
        let form = self.login_form(&user.name, &user.password)?;
        let answer = self.browse(form, &jar, &From::Own, How::Navigate)?;
        jar.keep(answer.all("set-cookie"));
        Ok((answer, jar))
    }

    /// Whether the proof page shows this secret to the holder of these cookies.
    pub(crate) fn proves(&mut self, jar: &Jar, secret: &str) -> Result<bool, Failed> {
        let proof = self.fetch(&self.login()?.proof, jar)?;
        Ok(proof.contains(secret))
    }

    /// The cookies of a logged-in user, proved once: for all visits of a run, and for each attack.
    pub(crate) fn session(&mut self, user: &User) -> Result<Jar, Failed> {
        if let Some(jar) = self.sessions().get(&user.name) {
            return Ok(jar.clone());
        }
        let (answer, jar) = self.log_in(user)?;
        if !self.proves(&jar, &user.secret)? {
            return Err(Failed(format!("{} cannot log in: status {}", user.name, answer.status)));
        }
        self.sessions().insert(user.name.clone(), jar.clone());
        Ok(jar)
    }

    pub(crate) fn victim_session(&mut self) -> Result<Jar, Failed> {
        let victim = self.victim()?;
        self.session(&victim)
    }

    /// The form that writes `text`.
    pub(crate) fn text_form(&self, text: &str) -> Result<Request, Failed> {
        let writing = self.writing()?;
        Ok(Request::form(&writing.path, &fill_fields(&writing.fields, &[("text", text)])))
    }

    /// Writes `text` as a user does, through the app's own form.
    pub(crate) fn write(&mut self, text: &str, jar: &Jar) -> Result<Response, Failed> {
        let form = self.text_form(text)?;
        self.browse(form, jar, &From::Own, How::Navigate)
    }

    /// The page where written text is read.
    pub(crate) fn read(&mut self, jar: &Jar) -> Result<Response, Failed> {
        self.visit(&self.writing()?.read, jar)
    }

    /// A page that shows `text` in the words of a search.
    pub(crate) fn search_path(&self, text: &str) -> Result<String, Failed> {
        Ok(fill(&described(&self.app.search, "search")?.path, "text", text))
    }

    /// The front page, for attacks that any page will do for.
    pub(crate) fn front(&mut self) -> Result<Response, Failed> {
        let page = self.visit("/", &Jar::default())?;
        // A redirect is the gateway's or the app's own way to its front page.
        match page.location().filter(|location| location.starts_with('/')) {
            Some(location) => self.visit(location, &Jar::default()),
            None => Ok(page),
        }
    }

    /// The request by which a script of the app deletes what `mark` was written into, found by the id before it in the page.
    pub(crate) fn deletion(&self, page: &Response, mark: &str) -> Option<Request> {
        let delete = self.app.delete.as_ref()?;
        let text = page.text();
        let before = text.get(..text.find(mark)?)?;
        let after = before.get(before.rfind(&delete.id_before_text)? + delete.id_before_text.len()..)?;
        let id: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let method = match delete.method.as_str() {
            "PUT" => "PUT",
            "PATCH" => "PATCH",
            _ => "DELETE",
        };
        Some(Request::new(method, &fill(&delete.path, "id", &id)))
    }

    /// Deletes what the attacks wrote, where the description says how. Files that were uploaded stay.
    pub(crate) fn sweep(&mut self) -> Result<(), Failed> {
        let Some(jar) = self.app.victim.as_ref().and_then(|victim| self.sessions.get(&victim.name).cloned()) else {
            return Ok(());
        };
        for _ in 0..SWEEP_MAX {
            let page = self.read(&jar)?;
            let Some(request) = self.deletion(&page, encode::MARK) else {
                break;
            };
            self.browse(request, &jar, &From::Own, How::Fetch)?;
        }
        Ok(())
    }
}

/// More than one run writes.
const SWEEP_MAX: usize = 60;
