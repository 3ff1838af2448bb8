document.getElementById("status").textContent = "…";
