// The link's secret stands behind '#', so it never reaches a server log; pressing the button uses it up.
const status = document.getElementById("status");
const go = document.getElementById("go");
const login = location.hash.slice(1);
history.replaceState(null, "", "/login");

async function signIn() {
  go.disabled = true;
  status.textContent = "Signing in…";
  try {
    const answer = await fetch("/v1/sessions", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ login }),
    });
    const body = await answer.json();
    if (answer.ok) location.replace(["courier", "technician"].includes(body.role) ? "/courier" : "/");
    else status.textContent = `${body.detail}. ${body.remedy}`;
  } catch {
    status.textContent = "The service cannot be reached. Try again.";
    go.disabled = false;
  }
}

if (/^[A-Za-z0-9_-]{43}$/.test(login)) {
  status.textContent = "This signs you in once.";
  go.hidden = false;
  go.addEventListener("click", signIn);
  go.focus();
}
