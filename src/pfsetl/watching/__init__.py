"""What a look at CMS finds: what there is to do, what needs a person, and how fresh a store is."""
