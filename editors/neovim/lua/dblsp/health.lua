--- `:checkhealth dblsp`
-- Before 0.8 it was a module, and its functions had longer names before 0.10.
local health = vim.health or require("health")

local M = {}

local function check_server()
  local command = vim.lsp.config.dblsp.cmd
  if type(command) ~= "table" then
    health.info("The server is started by a function of yours")
    return
  end
  command = command[1]
  local path = vim.fn.exepath(command)
  if path == "" then
    health.error(("`%s` is not found"):format(command), {
      "Install dblsp: cargo install --path . in a clone of its repository.",
      'Or say where it is: vim.lsp.config("dblsp", { cmd = { "/path/to/dblsp", "lsp" } })',
    })
    return
  end
  local result = vim.system({ path, "--version" }, { text = true }):wait(5000)
  if result.code == 0 then
    health.ok(vim.trim(result.stdout) .. " at " .. path)
  else
    health.error(("`%s --version` failed: %s"):format(path, vim.trim(result.stderr or "")))
  end
end

local function check_client()
  local clients = vim.lsp.get_clients({ name = "dblsp" })
  if #clients == 0 then
    health.info("No server is running: it starts with the first SQL file")
  end
  for _, running in ipairs(clients) do
    local root = running.root_dir
    health.ok(("Running for %d file(s) in %s"):format(
      #vim.tbl_keys(running.attached_buffers),
      root or "no project: there is no " .. table.concat(vim.lsp.config.dblsp.root_markers, ", no ")
    ))
    local settings = root and vim.fs.joinpath(root, "dblsp.toml")
    if settings and vim.uv.fs_stat(settings) then
      health.ok("Settings: " .. settings)
    else
      health.info("Settings: the defaults, as there is no dblsp.toml at the root")
    end
  end
end

function M.check()
  if vim.fn.has("nvim-0.11") == 0 then
    local report = health.error or health.report_error
    report("This Neovim is too old", { "Install Neovim 0.11 or newer." })
    return
  end
  health.start("dblsp")
  health.ok("Neovim " .. tostring(vim.version()))
  check_server()
  check_client()
end

return M
