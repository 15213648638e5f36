;;; emacs.el --- Drives Eglot with the server  -*- lexical-binding: t -*-

;; tests/editors/run.sh emacs.  The current folder is a project with the migrations of tests/editors/migrations, and
;; `dblsp' is on the PATH.  Not with -Q: Debian's site-start says where Eglot is.

;;; Code:

(require 'cl-lib)
(require 'flymake)
(require 'project)
(require 'sql)

(defvar failed 0)

(defun check (what passed &optional got)
  "Say whether WHAT has PASSED, else what it GOT."
  (princ (format "%s  %s%s\n" (if passed "ok  " "FAIL") what (if passed "" (format "; got %S" got))))
  (unless passed (cl-incf failed)))

(defun eventually (what probe)
  "Wait until PROBE returns something, and say whether WHAT has passed."
  (let ((deadline (+ (float-time) 20)) value)
    (while (and (not (setq value (funcall probe))) (< (float-time) deadline))
      (accept-process-output nil 0.05)
      ;; Idle timers and redisplay, which set these off, do not run in a batch.
      (when (eglot-managed-p)
        (eglot--signal-textDocument/didChange)
        (flymake-start)))
    (check what value)
    value))

(defun holds (text)
  "Whether the current buffer holds TEXT."
  (string-match-p (regexp-quote text) (buffer-string)))

(defun at (text)
  "Put point on the first place where TEXT stands."
  (goto-char (point-min))
  (search-forward text)
  (goto-char (match-beginning 0)))

(defun finding (text)
  "The diagnostic that holds TEXT."
  (cl-find-if (lambda (found) (string-match-p (regexp-quote text) (flymake-diagnostic-text found)))
              (flymake-diagnostics)))

(defun act (text)
  "Take the code action at point whose title holds TEXT."
  (let ((last-nonmenu-event ?x))
    (cl-letf (((symbol-function 'completing-read)
               (lambda (_prompt choices &rest _)
                 (or (cl-find-if (lambda (title) (string-match-p text title)) (mapcar (lambda (c) (if (consp c) (car c) c)) choices))
                     (error "No action %s among %S" text choices)))))
      (eglot-code-actions (point) (line-end-position) nil t))))

(load (expand-file-name "dblsp.el" (getenv "CONFIG")) nil t)
(setq eglot-sync-connect 20
      eglot-autoshutdown t
      eglot-confirm-server-initiated-edits nil
      make-backup-files nil)

(let* ((root (file-name-as-directory default-directory))
       (migrations (expand-file-name "supabase/migrations/" root))
       (bookmarks (expand-file-name "20251028090000_v0_8_1_bookmarks.sql" migrations))
       (notes (expand-file-name "20251028100000_v0_8_1_bookmark_notes.sql" migrations)))
  ;; As a repository would give it.
  (add-hook 'project-find-functions (lambda (_) (cons 'transient root)))
  (condition-case err
      (progn
        (find-file bookmarks)
        (run-hooks 'post-command-hook)  ; where `eglot-ensure' connects
        (eventually "the server starts" #'eglot-managed-p)
        (eventually "a finding is underlined" (lambda () (finding "contents_title_idx")))
        (at "create index contents_title_idx")
        (check "as a warning" (eq (flymake-diagnostic-type (finding "contents_title_idx")) 'eglot-warning)
               (flymake-diagnostic-type (finding "contents_title_idx")))
        (at "contents (title)")
        (let (shown)
          (eglot-hover-eldoc-function (lambda (text &rest _) (setq shown text)))
          (eventually "hover shows the table" (lambda () (and shown (string-match-p "contents" shown)))))
        (at "create index contents_title_idx")
        (act "concurrently")
        (check "a fix is applied" (holds "create index concurrently contents_title_idx") (buffer-string))
        (eventually "its finding goes" (lambda () (not (finding "contents_title_idx"))))
        (find-file notes)
        (run-hooks 'post-command-hook)
        (eventually "the next migration has its finding" (lambda () (finding "destroys its values")))
        (at "note is")
        (eglot-rename "remark")
        (check "the column is renamed where it is used" (holds "where b.remark <> ''") (buffer-string))
        (with-current-buffer (find-file-noselect bookmarks)
          (check "and where it was made" (holds "remark text not null") (buffer-string)))
        (save-some-buffers t)
        (dblsp-new-migration "share bookmarks")
        (check "a new migration is written" (file-expand-wildcards (concat migrations "*share_bookmarks.sql"))))
    (error (check "nothing went wrong" nil err))))

(princ (if (= failed 0) "Emacs: passed\n" (format "Emacs: %d failed\n" failed)))
(kill-emacs (if (= failed 0) 0 1))
;;; emacs.el ends here
