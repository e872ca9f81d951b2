// Light and dark.
document.getElementById("theme").addEventListener("click", () => {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  document.cookie = "theme=" + next + ";path=/;max-age=31536000";
});

// Ask before deleting.
for (const form of document.querySelectorAll("form.delete")) {
  form.addEventListener("submit", (event) => {
    if (!confirm("Delete this comment?")) event.preventDefault();
  });
}

// The live page: new comments as they come, and an echo.
const events = document.getElementById("events");
if (events) {
  new EventSource("/events").onmessage = (message) => {
    const comment = JSON.parse(message.data);
    events.insertAdjacentHTML("afterbegin", "<li><b>" + comment.name + "</b>: " + comment.body + "</li>");
  };
  const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/ws");
  socket.onmessage = (message) => {
    const line = document.createElement("li");
    line.textContent = message.data;
    document.getElementById("answers").prepend(line);
  };
  document.getElementById("talk").addEventListener("submit", (event) => {
    event.preventDefault();
    const say = document.getElementById("say");
    socket.send(say.value);
    say.value = "";
  });
}
