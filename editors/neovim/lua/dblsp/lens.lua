--- Keeps the code lenses over migrations fresh: Neovim 0.11 shows them only when it is asked to.
local M = {}

local server = require("dblsp.client")

--- Whether the server still owes this buffer its lenses.
local function is_asked_for(buffer)
  return vim.iter(vim.lsp.get_clients({ name = "dblsp", bufnr = buffer })):any(function(attached)
    return server.is_waiting(attached, function(request)
      return request.method == "textDocument/codeLens" and request.bufnr == buffer
    end)
  end)
end

--- Buffers that wait for an answer before they ask again.
local waiting = {}

local function refresh(buffer)
  if not vim.api.nvim_buf_is_loaded(buffer) or waiting[buffer] then
    return
  end
  -- Neovim drops a refresh while another is under way, whose answer may be older than what changed.
  if is_asked_for(buffer) then
    waiting[buffer] = true
    vim.defer_fn(function()
      waiting[buffer] = nil
      refresh(buffer)
    end, 50)
    return
  end
  vim.lsp.codelens.refresh({ bufnr = buffer })
end

local function is_wanted()
  return vim.g.dblsp_codelens ~= false
end

local function attach(client, buffer)
  if not client:supports_method("textDocument/codeLens", buffer) then
    return
  end
  local group = vim.api.nvim_create_augroup("dblsp_lens_" .. buffer, {})
  vim.api.nvim_create_autocmd({ "BufEnter", "InsertLeave", "BufWritePost" }, {
    group = group,
    buffer = buffer,
    desc = "Refresh dblsp's code lenses",
    callback = function()
      if is_wanted() and #vim.lsp.get_clients({ name = "dblsp", bufnr = buffer }) > 0 then
        refresh(buffer)
      end
    end,
  })
  if is_wanted() then
    refresh(buffer)
  end
end

function M.setup()
  vim.api.nvim_create_autocmd("LspAttach", {
    group = vim.api.nvim_create_augroup("dblsp_lens", {}),
    desc = "Show dblsp's code lenses",
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if client and client.name == "dblsp" then
        attach(client, event.buf)
      end
    end,
  })
  -- A rollback or a test came or went: lenses say so.
  vim.lsp.handlers["dblsp/migrationsChanged"] = function(_, _, context)
    local client = vim.lsp.get_client_by_id(context.client_id)
    if client and is_wanted() then
      vim.tbl_map(refresh, vim.tbl_keys(client.attached_buffers))
    end
  end
end

return M
