-- v0.7.0 seed: the reference data that the application cannot start without.
--
-- Rows are keyed by code, so that the ids are the same in every environment, and running the file
-- again changes nothing. Rows that somebody already changed are left as they are.

-- 5 rows
insert into public.languages (code, name)
values
  ('de', 'Deutsch'),
  ('en', 'English'),
  ('es', 'Español'),
  ('fr', 'Français'),
  ('pt', 'Português')
on conflict (code) do nothing;

-- 8 rows
insert into public.source_kinds (code, name, description)
values
  ('article', 'Article', 'A text published on the web or in print'),
  ('book', 'Book', 'A whole book or a chapter of one'),
  ('conversation', 'Conversation', 'A chat or an exchange of letters'),
  ('interview', 'Interview', 'Questions and answers'),
  ('lecture', 'Lecture', 'A talk held in front of an audience'),
  ('note', 'Note', 'Something written down and never published'),
  ('podcast', 'Podcast', 'An audio recording, transcribed'),
  ('video', 'Video', 'A video recording, transcribed')
on conflict (code) do nothing;

-- 7 rows
insert into public.fragment_kinds (code, name, description)
values
  ('belief', 'Belief', 'What the mind holds to be true'),
  ('decision', 'Decision', 'A choice, and what it was made for'),
  ('heuristic', 'Heuristic', 'A rule of thumb'),
  ('metaphor', 'Metaphor', 'One thing told as another'),
  ('question', 'Question', 'What the mind keeps asking'),
  ('quote', 'Quote', 'The mind''s own words'),
  ('story', 'Story', 'Something that happened')
on conflict (code) do nothing;

-- 6 rows; no limit where max_characters is null
insert into public.content_formats (code, name, max_characters)
values
  ('article', 'Article', null),
  ('carousel', 'Carousel', 2200),
  ('newsletter', 'Newsletter', null),
  ('post', 'Post', 3000),
  ('script', 'Video script', null),
  ('thread', 'Thread', 280)
on conflict (code) do nothing;

-- 5 rows
insert into public.channels (code, name)
values
  ('blog', 'Blog'),
  ('email', 'E-mail'),
  ('podcast', 'Podcast'),
  ('social', 'Social network'),
  ('video', 'Video platform')
on conflict (code) do nothing;

-- 4 rows
insert into public.trait_dimensions (code, name, description)
values
  ('attention', 'Attention', 'What is noticed first'),
  ('drive', 'Drive', 'What sets the mind in motion'),
  ('expression', 'Expression', 'How thoughts are told'),
  ('reasoning', 'Reasoning', 'How conclusions are reached')
on conflict (code) do nothing;

-- 12 rows
insert into public.cognitive_traits (code, dimension_code, name, description)
values
  ('abstraction', 'reasoning', 'Abstraction', 'From the case to the rule'),
  ('achievement', 'drive', 'Achievement', 'To get it done'),
  ('analogy', 'reasoning', 'Analogy', 'From one field to another'),
  ('autonomy', 'drive', 'Autonomy', 'To decide for oneself'),
  ('big_picture', 'attention', 'Big picture', 'The whole before its parts'),
  ('brevity', 'expression', 'Brevity', 'Few words'),
  ('curiosity', 'drive', 'Curiosity', 'To find out'),
  ('detail', 'attention', 'Detail', 'The parts before the whole'),
  ('first_principles', 'reasoning', 'First principles', 'From the ground up'),
  ('humour', 'expression', 'Humour', 'The unexpected turn'),
  ('people', 'attention', 'People', 'Who before what'),
  ('storytelling', 'expression', 'Storytelling', 'Told as something that happened')
on conflict (code) do nothing;
