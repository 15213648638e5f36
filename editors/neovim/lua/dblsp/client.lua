--- The running server.
local M = {}

--- The client of the current buffer, or any other one; nil when none runs.
---@return vim.lsp.Client?
function M.get()
  return vim.lsp.get_clients({ name = "dblsp", bufnr = 0 })[1] or vim.lsp.get_clients({ name = "dblsp" })[1]
end

--- The client, or nil after having said that there is none.
---@return vim.lsp.Client?
function M.require()
  local client = M.get()
  if not client then
    M.say("dblsp is not running: open a migration first, or see :checkhealth dblsp", vim.log.levels.WARN)
  end
  return client
end

---@param message string
---@param level? integer
function M.say(message, level)
  vim.notify(message, level or vim.log.levels.INFO, { title = "dblsp" })
end

--- Sends a request, and hands its result on; an error is shown instead.
---@param method string
---@param params table
---@param done fun(result: any)
function M.request(method, params, done)
  local client = M.require()
  if not client then
    return
  end
  client:request(method, params, function(err, result)
    if err then
      M.say(err.message, vim.log.levels.ERROR)
    else
      done(result)
    end
  end)
end

--- Runs a command of the server. What it answers with a text is shown, unless `done` takes it.
---@param command string
---@param arguments any[]
---@param done? fun(result: any)
function M.execute(command, arguments, done)
  M.request("workspace/executeCommand", { command = command, arguments = arguments }, done or function(result)
    if type(result) == "string" then
      M.say(result)
    end
  end)
end

--- Whether the server still owes an answer, to a request that `is_meant` is true of if it is given.
function M.is_waiting(client, is_meant)
  for _, request in pairs(client.requests) do
    if request.type == "pending" and (not is_meant or is_meant(request)) then
      return true
    end
  end
  return false
end

--- Stops the server and starts it again, with its settings read anew, for the buffers that it had.
function M.restart()
  local client = M.require()
  if not client then
    return
  end
  local buffers = vim.tbl_keys(client.attached_buffers)
  -- Neovim takes code lenses that nobody answered any more for asked for, and never asks again.
  local patience = vim.uv.now() + 2000
  local is_stopping = false
  local timer = assert(vim.uv.new_timer())
  timer:start(0, 50, vim.schedule_wrap(function()
    if timer:is_closing() then
      return
    end
    if not is_stopping and (not M.is_waiting(client) or vim.uv.now() > patience) then
      is_stopping = true
      client:stop()
    end
    if not client:is_stopped() then
      return
    end
    timer:close()
    local config = vim.tbl_deep_extend("force", vim.lsp.config.dblsp, { root_dir = client.root_dir })
    for _, buffer in ipairs(vim.tbl_filter(vim.api.nvim_buf_is_loaded, buffers)) do
      vim.lsp.start(config, { bufnr = buffer })
    end
    M.say("dblsp restarted")
  end))
end

return M
